/* What one look may hold: versions of one list, of all lists, and bytes of text; what is cut is marked, list by list.
 */
#include "services/fetcher/versions.h"

#include <stdio.h>

#include "base/mem.h"
#include "support/check.h"
#include "base/poison.h"

static ov_str names[] = {OV_STR("a"), OV_STR("b"), OV_STR("c"), OV_STR("d")};
static const job wanted = {.lists = names, .list_count = OV_COUNT(names)};

static void add(version_lists *v, size_t to, size_t count, size_t length)
{
    OV_CLEANUP(ov_free_p) char *text = ov_zalloc(length + 1);
    memset(text, '1', length);
    for (size_t i = 0; i < count; i++) version_lists_add(v, &v->lists[to], &(list_version){.version = {text, length}});
}

static void test_one_list(void)
{
    version_lists v;
    version_lists_init(&v, &wanted);
    add(&v, 0, LIST_VERSIONS_MAX, 1);
    CHECK(!v.lists[0].truncated);
    add(&v, 0, 1, 1);
    add(&v, 1, 1, 1);
    CHECK_INT(v.lists[0].count, LIST_VERSIONS_MAX);
    CHECK(v.lists[0].truncated);
    CHECK_INT(v.lists[1].count, 1);
    CHECK(!v.lists[1].truncated);
    version_lists_reset(&v);
    CHECK(!v.lists[0].truncated);
    add(&v, 0, 1, 1);
    CHECK_INT(v.lists[0].count, 1);
    version_lists_clear(&v);
}

static void test_all_lists(void)
{
    version_lists v;
    version_lists_init(&v, &wanted);
    size_t count = 0;
    for (size_t i = 0; i < OV_COUNT(names); i++) add(&v, i, LIST_VERSIONS_MAX, 1);
    for (size_t i = 0; i < OV_COUNT(names); i++) count += v.lists[i].count;
    CHECK_INT(count, VERSIONS_MAX);
    CHECK(!v.lists[1].truncated && v.lists[2].truncated && v.lists[3].truncated);
    version_lists_clear(&v);
}

static void test_text(void)
{
    version_lists v;
    version_lists_init(&v, &wanted);
    size_t fit = VERSIONS_TEXT_MAX / LIST_VERSION_BYTES_MAX;
    add(&v, 0, fit + 10, LIST_VERSION_BYTES_MAX);
    CHECK_INT(v.lists[0].count, fit);
    CHECK(v.lists[0].truncated);
    version_lists_clear(&v);
}

static void test_left_out(void)
{
    version_lists v;
    version_lists_init(&v, &wanted);
    add(&v, 0, 1, 0);
    add(&v, 0, 1, LIST_VERSION_BYTES_MAX + 1);
    CHECK_INT(v.lists[0].count, 0);
    CHECK(!v.lists[0].truncated);
    version_lists_truncate(&v);
    CHECK(v.lists[0].truncated && v.lists[3].truncated);
    version_lists_clear(&v);
}

int main(void)
{
    test_one_list();
    test_all_lists();
    test_text();
    test_left_out();
    return check_end();
}
