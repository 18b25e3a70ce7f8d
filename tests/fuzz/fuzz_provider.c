/* Pages of upstreams from foreign bytes, the first of which chooses the provider: bounded, and what is taken is a list.
 */
#include <stdlib.h>
#include <string.h>

#include "services/fetcher/provider.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *name, *strategy, *repo;
    unsigned page;
} kinds[] = {
    {"github", "releases", "o/n", 0},
    {"github", "tags", "o/n", 0},
    {"helm", "index", "https://h", 0},
    {"helm", "tags", "oci://h/c", 0},
    {"oci", "tags", "h/n", 0},
    {"git", "tags", "https://h/n", 0},
    {"git", "tags", "https://h/n", 1},
    {"gitlab", "releases", "https://h/g/n", 0},
    {"gitlab", "tags", "https://h/g/n", 0},
    {"gitea", "releases", "https://h/o/n", 0},
    {"gitea", "tags", "https://h/o/n", 0},
    {"endoflife", "cycles", "p", 0},
};

static ov_status read_some(void *arg, char *out, size_t max, size_t *ret_len, ov_err *err)
{
    ov_str *rest = arg;
    (void)err;
    size_t n = rest->len < max ? rest->len : max;
    if (n > 1) n = (n + 1) / 2;
    if (n) memcpy(out, rest->ptr, n);
    *rest = ov_str_sub(*rest, n, rest->len);
    *ret_len = n;
    return OV_OK;
}

static void check_lists(const version_lists *v)
{
    for (size_t i = 0; i < v->count; i++) {
        const version_list *l = &v->lists[i];
        if (l->count && !l->present) abort();
        for (size_t k = 0; k < l->count; k++) {
            ov_str version = l->versions[k].version, cycle = l->versions[k].cycle;
            if (version.len > LIST_VERSION_BYTES_MAX || cycle.len > LIST_CYCLE_BYTES_MAX) abort();
            if (version.len + cycle.len == 0 || l->versions[k].eol_s < 0) abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    size_t kind = (size_t)(data[0] - 'a') % OV_COUNT(kinds);
    ov_str rest = {(const char *)data + 1, size - 1}, chart = OV_STR("a");
    job j = {.provider = ov_str_of(kinds[kind].name),
             .strategy = ov_str_of(kinds[kind].strategy),
             .repo = ov_str_of(kinds[kind].repo)};
    if (ov_str_eq(j.strategy, OV_STR("index"))) {
        j.lists = &chart;
        j.list_count = 1;
    }
    version_lists v;
    version_lists_init(&v, &j);
    provider_page page = {.j = &j, .lists = &v, .first_url = "https://h/", .number = kinds[kind].page};
    ov_err err = {0};
    ov_status status = provider_of(&j)->parse(&page, read_some, &rest, &err);
    if (status == OV_OK) check_lists(&v);
    if (status != OV_OK && (status != OV_INVALID || !err.msg[0])) abort();
    version_lists_clear(&v);
    return 0;
}
