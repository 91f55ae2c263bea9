/*
 * sigchld/version.h - the version of this header, and what a symbol needs
 *
 * The build reads the version from here, so it stands in one place only.
 */
#ifndef SIGCHLD_VERSION_H
#define SIGCHLD_VERSION_H

#define SIGCHLD_VERSION_MAJOR 0
#define SIGCHLD_VERSION_MINOR 1
#define SIGCHLD_VERSION_PATCH 0

/* As one number, to compare: 0.1.0 is 100. */
#define SIGCHLD_VERSION \
	(SIGCHLD_VERSION_MAJOR * 10000 + SIGCHLD_VERSION_MINOR * 100 + \
	    SIGCHLD_VERSION_PATCH)

#if defined(__GNUC__)
#	define SIGCHLD_API __attribute__((visibility("default")))
#else
#	define SIGCHLD_API
#endif

#endif
