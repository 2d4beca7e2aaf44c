/* replay - runs a fuzz target over its seeds with a plain main, so that every found fault stays
 * found without a fuzzer. NAME_replay reads tests/fuzz/seeds/NAME, each seed whole and cut short at
 * up to 64 places. TAP on stdout. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED_MAX = 1 << 20, CUTS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void seed_folder(const char *program, char *out, size_t size)
{
    const char *slash = strrchr(program, '/');
    const char *name = slash ? slash + 1 : program;
    const char *end = strstr(name, "_replay");
    snprintf(out, size, "tests/fuzz/seeds/%.*s", end ? (int)(end - name) : 0, name);
}

/* A copy of exactly n bytes, so that a sanitizer or valgrind sees the first byte read beyond them. */
static void feed(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    if (!copy)
        abort();
    memcpy(copy, bytes, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static int replay(const char *path, uint8_t *buffer)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t n = fread(buffer, 1, SEED_MAX, f);
    fclose(f);
    feed(buffer, n);
    for (size_t i = 0; i < CUTS; i++)
        feed(buffer, n * i / CUTS);
    return 1;
}

static int only_seeds(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    char folder[256], path[600];
    struct dirent **seeds;
    uint8_t *buffer = malloc(SEED_MAX);
    seed_folder(argc > 0 ? argv[0] : "", folder, sizeof folder);
    int n = scandir(folder, &seeds, only_seeds, alphasort);
    if (n <= 0 || !buffer) {
        printf("Bail out! no seeds in %s\n", folder);
        return 1;
    }
    printf("1..%d\n", n);
    int failed = 0;
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, seeds[i]->d_name);
        int good = replay(path, buffer);
        failed += !good;
        printf("%sok %d - %s\n", good ? "" : "not ", i + 1, seeds[i]->d_name);
        fflush(stdout);
        free(seeds[i]);
    }
    free(seeds);
    free(buffer);
    return failed != 0;
}
