/* plugin.h - what a plug-in with a library of its own can do */
#ifndef PLUGIN_H
#define PLUGIN_H

struct plugin {
	/* Open its context; wake is an enum sigchld_wake. 0 or -errno. */
	int (*open)(unsigned int wake);

	/* Start a child, which waits; let it exit with this code, and give its
	 * pid. */
	int (*start)(void);
	int (*release)(int code);

	/* Wait until each child that it started is told: 0, or what is wrong.
	 */
	const char *(*finish)(int code);

	/* Close the context. */
	void (*close)(void);
};

#endif
