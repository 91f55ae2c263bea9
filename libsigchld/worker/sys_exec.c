/*
 * sys_exec.c - the system calls of a program that puts another in its place
 *
 * What execve(2) keeps is the process, its children, its descriptors, the mask
 * and the pending signals; threads, memory and handlers are gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "async/sys.h"
#include "spawn/sys.h"
#include "worker/sys_exec.h"

extern char **environ;

/* "dir/name", or "name" for an empty dir: that is the current one. */
static int
exec_in(const char *dir, int length, const char *name, char *const *argv,
    char *const *env)
{
	char file[4096];
	int n = snprintf(file, sizeof(file), "%.*s%s%s", length, dir,
	    length > 0 ? "/" : "", name);

	if (n >= (int)sizeof(file))
		return ENAMETOOLONG;
	(void)execve(file, argv, env);
	return errno;
}

static bool
is_elsewhere(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES ||
	    error == ENAMETOOLONG;
}

/* What is not allowed is told only if there is no other. */
static int
search(const char *name, char *const *argv, char *const *env)
{
	const char *dir = getenv("PATH");
	int error, worst = ENOENT;
	size_t length;

	for (dir = dir != NULL ? dir : "/bin:/usr/bin";; dir += length + 1) {
		length = strcspn(dir, ":");
		error = exec_in(dir, (int)length, name, argv, env);
		if (!is_elsewhere(error))
			return error;
		if (error == EACCES)
			worst = EACCES;
		if (dir[length] == '\0')
			return worst;
	}
}

int
sigchld__sys_exec(const char *file, char *const *argv, char *const *env)
{
	int saved = errno, error;

	if (strchr(file, '/') != NULL || file[0] == '\0')
		error = exec_in("", 0, file, argv, env);
	else
		error = search(file, argv, env);
	errno = saved;
	return -error;
}

char **
sigchld__sys_environ(void)
{
	return environ;
}

void
sigchld__sys_drop_env(const char *name)
{
	size_t size = strlen(name);
	char **from, **to;

	if (environ == NULL)
		return;
	for (from = to = environ; *from != NULL; from++) {
		if (strncmp(*from, name, size) != 0 || (*from)[size] != '=')
			*to++ = *from;
	}
	*to = NULL;
}

int
sigchld__sys_nofile(uint64_t *ret_soft)
{
	struct rlimit limit;
	int saved = errno, rc;

	rc = sigchld__result(getrlimit(RLIMIT_NOFILE, &limit), saved);
	if (rc == 0)
		*ret_soft = (uint64_t)limit.rlim_cur;
	return rc;
}

int
sigchld__sys_set_nofile(uint64_t soft)
{
	struct rlimit limit;
	int saved = errno, rc;

	rc = sigchld__result(getrlimit(RLIMIT_NOFILE, &limit), saved);
	if (rc < 0)
		return rc;
	limit.rlim_cur = (rlim_t)soft;
	return sigchld__result(setrlimit(RLIMIT_NOFILE, &limit), saved);
}

int
sigchld__sys_inherit(int fd, bool on)
{
	int saved = errno, flags = fcntl(fd, F_GETFD);

	if (flags == -1)
		return sigchld__result(-1, saved);
	flags = on ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
	return sigchld__result(fcntl(fd, F_SETFD, flags), saved);
}

int
sigchld__sys_file(int fd, uint64_t *ret_dev, uint64_t *ret_ino)
{
	struct stat st;
	int saved = errno, rc;

	rc = sigchld__result(fstat(fd, &st), saved);
	if (rc < 0)
		return rc;
	*ret_dev = (uint64_t)st.st_dev;
	*ret_ino = (uint64_t)st.st_ino;
	return 0;
}

bool
sigchld__sys_is_socket(int fd)
{
	struct stat st;
	int saved = errno;

	return sigchld__result(fstat(fd, &st), saved) == 0 &&
	    S_ISSOCK(st.st_mode);
}

#ifdef F_ADD_SEALS

#	define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int
make_file(void)
{
	int saved = errno;

	return sigchld__result(memfd_create("sigchld-workers",
				   MFD_CLOEXEC | MFD_ALLOW_SEALING),
	    saved);
}

static int
seal(int fd)
{
	int saved = errno;

	return sigchld__result(fcntl(fd, F_ADD_SEALS, SEALS), saved);
}

/* Nobody else can have made this one, or change it. */
static bool
is_sealed(int fd)
{
	int saved = errno, seals = fcntl(fd, F_GET_SEALS);

	errno = saved;
	return seals != -1 && (seals & SEALS) == SEALS;
}

#else

static int
make_file(void)
{
	char name[] = "/tmp/sigchld-XXXXXX";
	int saved = errno, fd = mkstemp(name);

	if (fd == -1)
		return sigchld__result(-1, saved);
	(void)unlink(name);
	(void)sigchld__sys_inherit(fd, false);
	errno = saved;
	return fd;
}

static int
seal(int fd)
{
	(void)fd;
	return 0;
}

/* A file of ours that nobody can open by a name. */
static bool
is_sealed(int fd)
{
	struct stat st;
	int saved = errno;

	return sigchld__result(fstat(fd, &st), saved) == 0 &&
	    S_ISREG(st.st_mode) && st.st_nlink == 0 && st.st_uid == geteuid();
}

#endif

int
sigchld__sys_memfile(void)
{
	int fd = make_file(), higher;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	higher = sigchld__sys_dup_from(fd, STDERR_FILENO + 1);
	(void)sigchld__sys_close(fd);
	return higher;
}

int
sigchld__sys_memfile_write(int fd, const void *data, size_t size)
{
	const char *at = data;
	int saved = errno;
	ssize_t n;

	while (size > 0) {
		n = write(fd, at, size);
		if (n == -1 && errno != EINTR)
			return sigchld__result(-1, saved);
		if (n > 0) {
			at += n;
			size -= (size_t)n;
		}
	}
	errno = saved;
	return seal(fd);
}

int
sigchld__sys_memfile_size(int fd, uint64_t *ret_size)
{
	struct stat st;
	int saved = errno, rc;

	rc = sigchld__result(fstat(fd, &st), saved);
	if (rc < 0)
		return rc;
	if (!S_ISREG(st.st_mode) || !is_sealed(fd))
		return -EINVAL;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

int
sigchld__sys_memfile_read(int fd, void *data, size_t size)
{
	char *to = data;
	int saved = errno;
	off_t at = 0;
	ssize_t n;

	while (size > 0) {
		n = pread(fd, to, size, at);
		if (n == 0)
			return -EIO;
		if (n == -1 && errno != EINTR)
			return sigchld__result(-1, saved);
		if (n > 0) {
			to += n;
			at += n;
			size -= (size_t)n;
		}
	}
	errno = saved;
	return 0;
}

#define STARTED \
	22 /* which word of /proc/PID/stat; the second may have spaces */

static uint64_t
read_started(char *text)
{
	char *at = strrchr(text, ')');
	int word;

	for (word = 2; at != NULL && word < STARTED; word++) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}
	return at == NULL ? 0 : strtoull(at, NULL, 10);
}

uint64_t
sigchld__sys_started(pid_t pid)
{
	char name[40], text[1024];
	int saved = errno, fd;
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/%ld/stat", (long)pid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd == -1) {
		errno = saved;
		return 0;
	}
	n = read(fd, text, sizeof(text) - 1);
	(void)sigchld__sys_close(fd);
	errno = saved;
	if (n <= 0)
		return 0;
	text[n] = '\0';
	return read_started(text);
}

int64_t
sigchld__sys_time(void)
{
	return (int64_t)time(NULL);
}
