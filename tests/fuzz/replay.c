/*
 * replay.c - a fuzz target's corpus, once; any compiler builds it
 *
 * Each argument is a file or a directory of files. An input lies in memory that
 * ends where it does, so that a sanitizer sees a byte too many. Says how many
 * they were; none at all is a failure.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int n_inputs;

static void
fail(const char *path)
{
	perror(path);
	exit(1);
}

static void
replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size > 0 ? size : 1);

	if (file == NULL || data == NULL || fread(data, 1, size, file) != size)
		fail(path);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	n_inputs++;
}

static void
replay_path(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		fail(path);
	if (S_ISREG(status.st_mode))
		replay_file(path, (size_t)status.st_size);
}

static void
replay_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char name[4096];

	if (directory == NULL)
		fail(path);
	while ((entry = readdir(directory)) != NULL) {
		if ((size_t)snprintf(name, sizeof(name), "%s/%s", path,
			entry->d_name) >= sizeof(name))
			fail(path);
		replay_path(name);
	}
	closedir(directory);
}

int
main(int argc, char **argv)
{
	struct stat status;
	int i;

	for (i = 1; i < argc; i++) {
		if (stat(argv[i], &status) != 0)
			fail(argv[i]);
		if (S_ISDIR(status.st_mode))
			replay_directory(argv[i]);
		else
			replay_path(argv[i]);
	}
	printf("%d inputs\n", n_inputs);
	return n_inputs == 0;
}
