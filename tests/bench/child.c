/*
 * child.c - the program that the children of a benchmark run
 *
 *	child STATUS		exits at once
 *	child STATUS hold	reads its standard input to the end first
 *
 * It needs no C library, so that next to nothing but its life and death is
 * measured.
 */
#if defined(__x86_64__) || defined(__aarch64__)
#	define BARE 1
#else
#	define BARE 0
#	include <unistd.h>
#endif

static int
number(const char *digits)
{
	int value = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++)
		value = value * 10 + (*digits - '0');

	return value;
}

#if BARE

#	include <asm/unistd.h>

static long
call(long nr, long a, long b, long c)
{
#	if defined(__x86_64__)
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");

	return result;
#	else
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2)
			 : "memory");

	return x0;
#	endif
}

/* What the kernel put on the stack: argc, argv, NULL. */
__attribute__((used)) static void
begin(const long *stack)
{
	char *const *argv = (char *const *)(stack + 1);
	char byte;

	if (stack[0] > 2) {
		while (call(__NR_read, 0, (long)&byte, 1) > 0)
			continue;
	}
	for (;;)
		(void)call(__NR_exit_group, number(argv[1]), 0, 0);
}

#	if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n"
	"\tcall begin\n");
#	else
__asm__(".globl _start\n_start:\n\tmov x0, sp\n\tbl begin\n");
#	endif

#else

int
main(int argc, char **argv)
{
	char byte;

	while (argc > 2 && read(0, &byte, 1) > 0)
		continue;
	_exit(number(argv[1]));
}

#endif
