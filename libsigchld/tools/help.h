/*
 * help.h - what --help prints
 */
#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

void help_print(void);

#endif
