/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a fuzz target over the files of the folders given: what fuzzing has found stays found, and needs no
 * fuzzer to be tested. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { MAX_BYTES = 1 << 20 };

static int run_file(const char *folder, const char *name)
{
    static uint8_t data[MAX_BYTES];
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *in = fopen(path, "rb");
    if (!in)
        return -1;
    size_t length = fread(data, 1, sizeof data, in);
    fclose(in);
    uint8_t *exact = malloc(length ? length : 1); /* so that a sanitizer sees a read behind the end */
    if (!exact)
        return -1;
    for (size_t i = 0; i < length; i++)
        exact[i] = data[i];
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    return 0;
}

static int run_folder(const char *folder, unsigned *count)
{
    DIR *dir = opendir(folder);
    int failed = !dir;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        int error = run_file(folder, entry->d_name);
        printf("%sok %u - %s\n", error ? "not " : "", ++*count, entry->d_name);
        failed |= error;
    }
    if (dir)
        closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_folder(argv[i], &count);
    printf("1..%u\n", count);
    return failed || count == 0;
}
