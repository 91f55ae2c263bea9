/*
 * launch.c - the program that is to take our place
 *
 *	this program			the next
 *
 *	when a master is made: a copy
 *	of argv, environment, limit
 *	state into a variable, or
 *	into a file in memory
 *	    variable: @ and its number
 *	limit as it was
 *	execve
 *	    it fails: all as before	state out of the variable or the file,
 *					variable unset, file closed
 *
 * X1	What this program has made of its environment, its limit or its argv does
 *	not add up: each program begins with what the first one had.
 * X2	A failure leaves nothing: the limit is what it was, the file closed.
 * X3	The variable reaches no child: it is out of the environment before main()
 *	(guard.c), and no copy of ours has it.
 *
 * The kernel takes 128 KiB for one string, some hundred workers; so what is longer
 * goes through a file in memory, whose seals show that it was made for this.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "async/sys.h"
#include "core/sys.h"
#include "worker/launch.h"
#include "worker/sys_exec.h"
#include "worker/sys_master.h"

#define LONGEST  65536        /* in the variable itself */
#define LARGEST  (256u << 20) /* of a state */
#define VARIABLE SIGCHLD__STATE "="

/* Copies */

static void
free_all(char **strings)
{
	size_t i;

	for (i = 0; strings != NULL && strings[i] != NULL; i++)
		free(strings[i]);
	free(strings);
}

static bool
is_ours(const char *string)
{
	return strncmp(string, VARIABLE, strlen(VARIABLE)) == 0;
}

static char **
copy_all(char *const *strings, bool but_ours, size_t *ret_n)
{
	size_t n = 0, i;
	char **copy;

	while (strings[n] != NULL)
		n++;
	copy = sigchld__sys_alloc(n + 2, sizeof(*copy)); /* and one more */
	for (i = n = 0; copy != NULL && strings[i] != NULL; i++) {
		if (but_ours && is_ours(strings[i]))
			continue;
		copy[n] = strdup(strings[i]);
		if (copy[n++] == NULL) {
			free_all(copy);
			return NULL;
		}
	}
	*ret_n = n;
	return copy;
}

/* The working directory may be another by then. */
static int
make_absolute(const char *file, char **ret_file)
{
	char *here = NULL, *whole;
	size_t size;

	if (strchr(file, '/') == NULL || file[0] == '/') {
		*ret_file = strdup(file);
		return *ret_file == NULL ? -ENOMEM : 0;
	}
	here = getcwd(NULL, 0);
	if (here == NULL)
		return -errno;
	size = strlen(here) + strlen(file) + 2;
	whole = malloc(size);
	if (whole != NULL)
		(void)snprintf(whole, size, "%s/%s", here, file);
	free(here);
	*ret_file = whole;
	return whole == NULL ? -ENOMEM : 0;
}

static int
copy(struct sigchld__launch *launch, const char *file, char *const *argv)
{
	static char *const nothing[] = { NULL };
	char **env = sigchld__sys_environ();
	size_t n;

	launch->argv = copy_all(argv, false, &n);
	launch->env =
	    copy_all(env == NULL ? nothing : env, true, &launch->n_env);
	if (launch->argv == NULL || launch->env == NULL)
		return -ENOMEM;
	if (sigchld__sys_nofile(&launch->nofile) < 0)
		launch->nofile = 0;
	return make_absolute(file != NULL ? file : argv[0], &launch->file);
}

int
sigchld__launch_init(struct sigchld__launch *launch, const char *file,
    char *const *argv)
{
	int saved = errno, rc;

	(void)memset(launch, 0, sizeof(*launch));
	if (argv == NULL || argv[0] == NULL)
		return -EINVAL;
	rc = copy(launch, file, argv);
	if (rc < 0)
		sigchld__launch_clear(launch);
	errno = saved;
	return rc;
}

void
sigchld__launch_clear(struct sigchld__launch *launch)
{
	free(launch->file);
	free_all(launch->argv);
	free_all(launch->env);
	(void)memset(launch, 0, sizeof(*launch));
}

/* Executed */

static char *
variable(const char *text, size_t len)
{
	char *string = malloc(sizeof(VARIABLE) + len);

	if (string == NULL)
		return NULL;
	(void)memcpy(string, VARIABLE, sizeof(VARIABLE) - 1);
	(void)memcpy(string + sizeof(VARIABLE) - 1, text, len);
	string[sizeof(VARIABLE) - 1 + len] = '\0';
	return string;
}

/* Gives the file, or -errno. */
static int
spill(const char *state, size_t len)
{
	int fd = sigchld__sys_memfile(), rc;

	if (fd < 0)
		return fd;
	rc = sigchld__sys_memfile_write(fd, state, len);
	if (rc == 0)
		rc = sigchld__sys_inherit(fd, true);
	if (rc < 0) {
		(void)sigchld__sys_close(fd);
		return rc;
	}
	return fd;
}

static int
exec_with(struct sigchld__launch *launch, char *string)
{
	uint64_t nofile = 0;
	int rc;

	if (string == NULL)
		return -ENOMEM;
	launch->env[launch->n_env] = string;
	if (launch->nofile != 0 && sigchld__sys_nofile(&nofile) == 0 &&
	    nofile != launch->nofile)
		(void)sigchld__sys_set_nofile(launch->nofile);
	rc = sigchld__sys_exec(launch->file, launch->argv, launch->env);
	if (nofile != 0 && nofile != launch->nofile)
		(void)sigchld__sys_set_nofile(nofile);
	launch->env[launch->n_env] = NULL;
	free(string);
	return rc;
}

static int
exec_by_file(struct sigchld__launch *launch, const char *state, size_t len)
{
	char number[16];
	int fd = spill(state, len), rc;

	if (fd < 0)
		return fd;
	rc = snprintf(number, sizeof(number), "@%d", fd);
	rc = exec_with(launch, variable(number, (size_t)rc));
	(void)sigchld__sys_close(fd);
	return rc;
}

int
sigchld__launch_exec(struct sigchld__launch *launch, const char *state,
    size_t len)
{
	if (len > LONGEST)
		return exec_by_file(launch, state, len);
	return exec_with(launch, variable(state, len));
}

/* Received */

static int
read_file(int fd, char **ret_state, size_t *ret_len)
{
	uint64_t size;
	char *text;
	int rc;

	rc = sigchld__sys_memfile_size(fd, &size);
	if (rc < 0 || size > LARGEST)
		return -EPROTO;
	text = malloc((size_t)size + 1);
	if (text == NULL)
		return -ENOMEM;
	rc = sigchld__sys_memfile_read(fd, text, (size_t)size);
	if (rc < 0) {
		free(text);
		return rc;
	}
	text[size] = '\0';
	*ret_state = text;
	*ret_len = (size_t)size;
	return 1;
}

/* A descriptor that is not such a file is a stranger's: left alone. */
static int
take_file(const char *number, char **ret_state, size_t *ret_len)
{
	char *end;
	long fd;
	int rc;

	if (number[0] < '0' || number[0] > '9')
		return -EPROTO;
	fd = strtol(number, &end, 10);
	if (*end != '\0' || fd < 3 || fd > 0x7fffffff)
		return -EPROTO;
	rc = read_file((int)fd, ret_state, ret_len);
	if (rc != -EPROTO)
		(void)sigchld__sys_close((int)fd);
	return rc;
}

static int
take(const char *text, char **ret_state, size_t *ret_len)
{
	if (text[0] == '@')
		return take_file(text + 1, ret_state, ret_len);
	*ret_state = strdup(text);
	if (*ret_state == NULL)
		return -ENOMEM;
	*ret_len = strlen(text);
	return 1;
}

int
sigchld__launch_state(char **ret_state, size_t *ret_len)
{
	int saved = errno, rc;
	const char *text = getenv(SIGCHLD__STATE);

	if (text == NULL)
		return 0;
	rc = take(text, ret_state, ret_len);
	sigchld__sys_unsetenv(SIGCHLD__STATE);
	errno = saved;
	return rc;
}
