/*
 * become.c - a program that becomes the user whose it is, if it may
 *
 *	become
 *
 * Writes one byte to descriptor 3: y, or n if it may not. Ends when 4 does.
 */
#include <unistd.h>

int
main(void)
{
	const uid_t owner = geteuid();
	char byte = getuid() != owner && setresuid(owner, owner, owner) == 0
	    ? 'y'
	    : 'n';

	if (write(3, &byte, 1) != 1)
		return 1;
	while (read(4, &byte, 1) > 0)
		;
	return 0;
}
