/*
 * notify.c - tell the service manager how we are, in systemd's protocol
 *
 * The manager has a datagram socket and says in NOTIFY_SOCKET where it is: a
 * path, or after '@' a name that stands in no directory. A message is lines of
 * NAME=value. What belongs together goes in one message, for between two of
 * them the manager acts.
 *
 *	master					manager
 *
 *	workers are ready
 *	READY=1, MAINPID, STATUS	->	the service is up
 *	will execute itself
 *	RELOADING=1, MONOTONIC_USEC	->	it reloads: since when, so that
 *						this is not an earlier one's
 *	new workers are ready
 *	READY=1, MAINPID, STATUS	->	the reload is over
 *		or: the reload failed
 *	READY=1, MAINPID, STATUS	->	it is over, too; there is no
 *						word for a failure but STATUS
 *	told to stop
 *	STOPPING=1, STATUS		->	it goes
 *
 * N1	The address is kept and the socket is not connected: so a manager that
 *	was restarted, whose socket is another one by the same name, is reached.
 * N2	Nothing here waits for the manager. What it does not take at once is
 *	-EAGAIN and the caller's to send again.
 * N3	A status is one line of valid UTF-8 of at most 255 bytes, whatever it
 *	came from: control characters become blanks, so that no text can add a
 *	line of its own such as MAINPID=1; bytes that are no UTF-8, for which
 *	the manager would drop the text, become question marks; and it is cut
 *	between two characters. A message therefore always fits.
 * N4	The descriptor closes at an exec. Who was executed opens it anew, as the
 *	variable is still there; programs that are started from here should not
 *	have that variable.
 *
 * A1	Whether a message is believed is the manager's decision (NotifyAccess):
 *	a daemon that was forked is not the process that the manager started,
 *	and MAINPID tells it who is.
 */
#include "worker/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "async/sys.h"
#include "worker/sys.h"
#include "worker/sys_master.h"
#include "worker/text.h"

#define MOST (SIGCHLD__NOTIFY_STATUS + 128u) /* bytes of a message */

/* A path that fills all of sun_path is left without a zero at its end, which
 * the kernel accepts; we do not. */
static int
set_address(struct sigchld__notify *notify, const char *address)
{
	const size_t length = strlen(address);
	struct sockaddr_un *to = &notify->address;

	if ((address[0] != '/' && address[0] != '@') || length < 2 ||
	    length >= sizeof(to->sun_path))
		return -EINVAL;
	(void)memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	(void)memcpy(to->sun_path, address, length);
	notify->address_size = offsetof(struct sockaddr_un, sun_path) + length;
	if (address[0] == '@')
		to->sun_path[0] = '\0'; /* the size is the name's end */
	else
		notify->address_size++;
	return 0;
}

int
sigchld__notify_open(struct sigchld__notify *notify, const char *address)
{
	struct sigchld__notify made = { .fd = -1 };
	int rc;

	if (address != NULL && address[0] != '\0') {
		rc = set_address(&made, address);
		if (rc < 0)
			return rc;
		made.fd = sigchld__sys_datagram_socket();
		if (made.fd < 0)
			return made.fd;
	}
	*notify = made;
	return made.fd >= 0;
}

void
sigchld__notify_close(struct sigchld__notify *notify)
{
	if (notify->fd >= 0)
		(void)sigchld__sys_close(notify->fd);
	notify->fd = -1;
}

static bool
is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* N3. to has room for SIGCHLD__NOTIFY_STATUS and a zero. */
static void
make_line(char *to, const char *text)
{
	size_t used = 0, n, left = strlen(text);

	for (; left > 0; text += n, left -= n) {
		n = sigchld__text_character(text, left);
		if (used + (n == 0 ? 1 : n) > SIGCHLD__NOTIFY_STATUS)
			break;
		if (n == 0)
			to[used] = '?';
		else if (is_control(*text))
			to[used] = ' ';
		else
			(void)memcpy(to + used, text, n);
		if (n == 0)
			n = 1;
		used += n;
	}
	to[used] = '\0';
}

static int
send_message(const struct sigchld__notify *notify, const char *message)
{
	const size_t size = strlen(message);
	int rc;

	do
		rc = sigchld__sys_send_to(notify->fd, message, size,
		    &notify->address, notify->address_size);
	while (rc == -EINTR);
	return rc < 0 ? rc : 1;
}

/* What is the case, in lines that each end with a newline, and a status. */
static int
tell(const struct sigchld__notify *notify, const char *what, const char *status)
{
	char message[MOST], line[SIGCHLD__NOTIFY_STATUS + 1];

	if (notify->fd < 0)
		return 0;
	if (status == NULL)
		return send_message(notify, what);
	make_line(line, status);
	(void)snprintf(message, sizeof(message), "%sSTATUS=%s\n", what, line);
	return send_message(notify, message);
}

int
sigchld__notify_ready(const struct sigchld__notify *notify, pid_t pid,
    const char *status)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "READY=1\nMAINPID=%ld\n", (long)pid);
	return tell(notify, what, status);
}

int
sigchld__notify_reloading(const struct sigchld__notify *notify,
    const char *status)
{
	char what[64];

	(void)snprintf(what, sizeof(what),
	    "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n", sigchld__sys_now_us());
	return tell(notify, what, status);
}

/* Of `why' more is taken than is sent, so that it is cut in one place only. */
int
sigchld__notify_reload_failed(const struct sigchld__notify *notify, pid_t pid,
    const char *why)
{
	char status[SIGCHLD__NOTIFY_STATUS + 64];

	(void)snprintf(status, sizeof(status), "Reload failed%s%s",
	    why != NULL ? ": " : "", why != NULL ? why : "");
	return sigchld__notify_ready(notify, pid, status);
}

int
sigchld__notify_stopping(const struct sigchld__notify *notify,
    const char *status)
{
	return tell(notify, "STOPPING=1\n", status);
}

int
sigchld__notify_status(const struct sigchld__notify *notify, const char *status)
{
	return tell(notify, "", status);
}
