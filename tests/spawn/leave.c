/*
 * leave.c - a program that leaves its process group, as shells do
 *
 *	leave [stays]
 *
 * Given `stays' it has a child first, which does not, and is deaf to SIGTERM.
 * Each writes one byte to standard output when it is where it should be, and
 * waits for a signal, or for the end of standard input, which it tells by
 * another byte.
 */
#include <signal.h>
#include <unistd.h>

static int
tell_and_wait(void)
{
	char byte;

	if (write(1, ".", 1) != 1)
		return 1;
	while (read(0, &byte, 1) > 0)
		;
	return write(1, ".", 1) != 1;
}

int
main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1) {
		pid_t pid = fork();

		if (pid == -1)
			return 1;
		if (pid == 0) {
			(void)signal(SIGTERM, SIG_IGN);
			return tell_and_wait();
		}
	}
	if (setpgid(0, getpgid(getppid())) != 0)
		return 1;
	return tell_and_wait();
}
