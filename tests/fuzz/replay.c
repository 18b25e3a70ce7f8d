/* Feeds every file of a corpus folder to the fuzz target, and each of them cut short and with flipped bits. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX = 1 << 20, CUTS = 16, FLIPS = 64 };

static size_t run_variants(const uint8_t *data, size_t size)
{
    size_t runs = 1;
    LLVMFuzzerTestOneInput(data, size);
    for (size_t i = 1; i < CUTS; i++, runs++) {
        size_t cut = size * i / CUTS;
        uint8_t *copy = malloc(cut ? cut : 1);
        if (!copy) abort();
        memcpy(copy, data, cut);
        LLVMFuzzerTestOneInput(copy, cut);
        free(copy);
    }
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) abort();
    for (size_t i = 0; size && i < FLIPS; i++, runs++) {
        memcpy(copy, data, size);
        copy[(i * 7919) % size] ^= (uint8_t)(1u << (i % 8));
        LLVMFuzzerTestOneInput(copy, size);
    }
    free(copy);
    return runs;
}

static size_t run_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f) return 0;
    uint8_t *data = malloc(FILE_MAX);
    if (!data) abort();
    size_t size = fread(data, 1, FILE_MAX, f);
    fclose(f);
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact) abort();
    memcpy(exact, data, size);
    free(data);
    size_t runs = run_variants(exact, size);
    free(exact);
    return runs;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    if (!folder) {
        fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    size_t runs = 0;
    for (struct dirent *e; (e = readdir(folder));) {
        if (e->d_name[0] != '.') runs += run_file(argv[1], e->d_name);
    }
    closedir(folder);
    printf("%zu passed, 0 failed\n", runs);
    return runs ? EXIT_SUCCESS : EXIT_FAILURE;
}
