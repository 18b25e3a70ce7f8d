/* Holds one message's fixtures against its schema and its code: what is valid comes out byte by byte, what is not is
 * refused by path. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codecs.h"
#include "schema.h"
#include "support/check.h"

#include "base/poison.h"

enum { BODY_BYTES_MAX = 1 << 24, PATH_BYTES = 512 };

static size_t fixtures;

/* A file without its last newline, terminated. */
static char *read_line(const char *path)
{
    size_t len;
    char *text = check_read_file(path, &len);
    if (len && text[len - 1] == '\n') text[len - 1] = '\0';
    return text;
}

static void check_valid(const codec *c, const char *path, const cJSON *schema)
{
    OV_CLEANUP(ov_free_p) char *text = read_line(path);
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(BODY_BYTES_MAX);
    ov_err err = {0};
    check_case(path);
    CHECK_OK(ov_json_tree(ov_str_of(text), &tree, &err), &err);
    if (tree) CHECK_OK(schema_validate(schema, tree, "$", &err), &err);
    if (CHECK_OK(c->round(ov_str_of(text), &out, &err), &err)) CHECK_STR(ov_buf_str(&out), ov_str_of(text));
    check_case(NULL);
}

static void check_invalid(const codec *c, const char *path, const cJSON *schema)
{
    char beside[PATH_BYTES];
    (void)schema;
    snprintf(beside, sizeof beside, "%.*s.error", (int)(strlen(path) - strlen(".json")), path);
    OV_CLEANUP(ov_free_p) char *text = read_line(path), *error = read_line(beside);
    OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(BODY_BYTES_MAX);
    ov_err err = {0};
    check_case(path);
    CHECK_STATUS(c->round(ov_str_of(text), &out, &err), OV_INVALID, &err);
    if (!CHECK(ov_str_starts(ov_str_of(err.msg), ov_str_of(error))))
        fprintf(stderr, "  got \"%s\", want \"%s\"\n", err.msg, error);
    check_case(NULL);
}

static void each_fixture(const codec *c, const char *folder, const cJSON *schema,
                         void (*check)(const codec *c, const char *path, const cJSON *schema))
{
    DIR *dir = opendir(folder);
    if (!CHECK(dir != NULL)) return;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        char path[PATH_BYTES];
        if (!ov_str_ends(ov_str_of(e->d_name), OV_STR(".json"))) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        check(c, path, schema);
        fixtures++;
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    const char *message = argc == 2 ? argv[1] : "";
    const codec *c = codec_find(message);
    if (!c) {
        fprintf(stderr, "contract_messages: \"%s\": expected a message that has a row in codecs.c\n", message);
        return EXIT_FAILURE;
    }
    char path[PATH_BYTES];
    OV_CLEANUP(ov_json_tree_p) cJSON *schema = NULL;
    ov_err err = {0};
    snprintf(path, sizeof path, "proto/schema/%s.schema.json", message);
    OV_CLEANUP(ov_free_p) char *text = check_read_file(path, NULL);
    if (!CHECK_OK(ov_json_tree(ov_str_of(text), &schema, &err), &err)) return check_end();
    snprintf(path, sizeof path, "proto/fixtures/%s", message);
    each_fixture(c, path, schema, check_valid);
    CHECK(fixtures > 0);
    snprintf(path, sizeof path, "proto/fixtures/%s/invalid", message);
    each_fixture(c, path, schema, check_invalid);
    return check_end();
}
