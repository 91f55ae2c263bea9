/*
 * pin.c - stay where we are
 *
 * A signal handler whose code was unmapped ends the process at the next SIGCHLD.
 * The shared library is linked so that dlclose leaves it in memory; but a copy
 * inside a plug-in goes with the plug-in. So that object is asked to stay, before
 * there is a handler. It is done when a context is opened, with no lock held: the
 * loader has a lock of its own, under which constructors may call us.
 *
 * Several copies in one process know nothing of each other. Their handlers are
 * chained, as with any other library, and each looks after its own children.
 *
 * Where these calls are missing (the portable build, a static program) so is the
 * need, or the means.
 */
#include "core/pin.h"

#ifndef SIGCHLD_PORTABLE

#	include <dlfcn.h>
#	include <errno.h>
#	include <stdatomic.h>
#	include <stdbool.h>
#	include <stddef.h>

/* Weak: a static program has none, and needs none. */
#	pragma weak dladdr
#	pragma weak dlopen
#	pragma weak dlerror

static atomic_bool pinned;

void
sigchld__pin(void)
{
	int saved = errno;
	Dl_info info;

	if (atomic_exchange(&pinned, true) || dladdr == NULL ||
	    dlopen == NULL || dlerror == NULL)
		return;
	if (dladdr(&pinned, &info) != 0 && info.dli_fname != NULL &&
	    dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE) ==
		NULL)
		(void)dlerror(); /* the program itself, which stays anyway */
	errno = saved;
}

#else

void
sigchld__pin(void)
{
}

#endif
