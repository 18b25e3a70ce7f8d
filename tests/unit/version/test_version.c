/* Versions: what is accepted, how it is normalised, and that nothing of the caller's text is kept. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "support/check.h"
#include "version/version.h"
#include "base/poison.h"

static const struct {
    const char *text, *canonical, *pre, *meta;
    uint32_t segments, written;
} accepted[] = {
    {"1", "1.0.0", "", "", 3, 1},
    {"v1.2", "1.2.0", "", "", 3, 2},
    {"1.2.3", "1.2.3", "", "", 3, 3},
    {"1.2.3.4", "1.2.3.4", "", "", 4, 4},
    {"01.002.0", "1.2.0", "", "", 3, 3},
    {"1.2beta", "1.2.0-beta", "beta", "", 3, 2},
    {"1.2.3-rc.1+b.5", "1.2.3-rc.1+b.5", "rc.1", "b.5", 3, 3},
    {"1.2.3--a", "1.2.3--a", "-a", "", 3, 3},
    {"1.2.3-", "1.2.3--", "-", "", 3, 3},
    {"1.2.3~x", "1.2.3-~x", "~x", "", 3, 3},
    {"1+m", "1.0.0+m", "", "m", 3, 1},
    {"9223372036854775807", "9223372036854775807.0.0", "", "", 3, 1},
};

static const char *const refused[] = {
    "",
    " ",
    "v",
    "V1.2",
    "1.",
    "1.2.",
    ".1",
    "1..2",
    "1.x",
    "1.2.3_1",
    "1.2.3+",
    "1.2.3+a+b",
    "1.2.3-a..b",
    "1.2.3-a.",
    "1.2.3 ",
    "9223372036854775808",
    "latest",
    "1.2.3-\xc3\xa4",
    "1.2.3.Final",
};

static void test_accepted(void)
{
    for (size_t i = 0; i < OV_COUNT(accepted); i++) {
        check_case(accepted[i].text);
        ov_err err = {0};
        OV_CLEANUP(ov_version_free_p) ov_version *v = NULL;
        OV_CLEANUP(ov_free_p) char *text = ov_dup(ov_str_of(accepted[i].text));
        if (!CHECK_OK(ov_version_parse(ov_str_of(text), &v, &err), &err)) continue;
        memset(text, 'x', strlen(text));
        CHECK_STR(v->canonical, ov_str_of(accepted[i].canonical));
        CHECK_STR(v->pre, ov_str_of(accepted[i].pre));
        CHECK_STR(v->meta, ov_str_of(accepted[i].meta));
        CHECK_STR(v->original, ov_str_of(accepted[i].text));
        CHECK_INT(v->segment_count, accepted[i].segments);
        CHECK_INT(v->written_count, accepted[i].written);
        CHECK_INT(ov_version_segment(v, v->segment_count), 0);
    }
}

static void test_refused(void)
{
    for (size_t i = 0; i < OV_COUNT(refused); i++) {
        check_case(refused[i]);
        ov_err err = {0};
        ov_version *v = NULL;
        CHECK_STATUS(ov_version_parse(ov_str_of(refused[i]), &v, &err), OV_INVALID, &err);
        CHECK(v == NULL);
        CHECK(strstr(err.msg, "version \"") == err.msg);
    }
}

static void test_longest(void)
{
    check_case("longest text");
    char text[OV_VERSION_TEXT_MAX + 1];
    for (size_t i = 0; i < sizeof text; i++) text[i] = i % 2 ? '.' : '1';
    OV_CLEANUP(ov_version_free_p) ov_version *v = NULL;
    ov_err err = {0};
    CHECK_OK(ov_version_parse((ov_str){text, OV_VERSION_TEXT_MAX - 1}, &v, &err), &err);
    CHECK_INT(v->segment_count, OV_VERSION_TEXT_MAX / 2);
    ov_version *none = NULL;
    CHECK_STATUS(ov_version_parse((ov_str){text, sizeof text}, &none, &err), OV_INVALID, &err);
}

/* Each text is below the next one. */
static const char *const ascending[] = {
    "0",
    "1.0.0-0",
    "1.0.0-02",
    "1.0.0-99999999999999999999",
    "1.0.0--1",
    "1.0.0-a",
    "1.0.0-a.1",
    "1.0.0-a.b",
    "1.0.0-alpha-1",
    "1.0.0-b",
    "1.0.0-~",
    "1.0",
    "1.0.0.1-rc",
    "1.0.0.1",
    "1.0.1",
    "1.1",
    "10",
};

static void test_order(void)
{
    const ov_version *versions[OV_COUNT(ascending)];
    for (size_t i = 0; i < OV_COUNT(ascending); i++) {
        ov_version *v = NULL;
        ov_err err = {0};
        CHECK_OK(ov_version_parse(ov_str_of(ascending[i]), &v, &err), &err);
        versions[OV_COUNT(ascending) - 1 - i] = v;
    }
    ov_version_sort(versions, OV_COUNT(ascending));
    for (size_t i = 0; i < OV_COUNT(ascending); i++) {
        check_case(ascending[i]);
        CHECK_STR(versions[i]->original, ov_str_of(ascending[i]));
        for (size_t j = 0; j < OV_COUNT(ascending); j++) {
            int order = ov_version_compare(versions[i], versions[j]);
            CHECK_INT((order > 0) - (order < 0), (i > j) - (i < j));
        }
    }
    for (size_t i = 0; i < OV_COUNT(ascending); i++) ov_version_free((ov_version *)(uintptr_t)versions[i]);
}

static void test_stable(void)
{
    check_case("equal versions keep their places");
    static const char *const texts[] = {"2", "1.0+b", "1.0.0+a", "v1", "1.0.0.0", "0"};
    static const char *const want[] = {"0", "1.0+b", "1.0.0+a", "v1", "1.0.0.0", "2"};
    const ov_version *versions[OV_COUNT(texts)];
    for (size_t i = 0; i < OV_COUNT(texts); i++) {
        ov_version *v = NULL;
        ov_err err = {0};
        CHECK_OK(ov_version_parse(ov_str_of(texts[i]), &v, &err), &err);
        versions[i] = v;
    }
    ov_version_sort(versions, OV_COUNT(texts));
    for (size_t i = 0; i < OV_COUNT(texts); i++) {
        CHECK_STR(versions[i]->original, ov_str_of(want[i]));
        ov_version_free((ov_version *)(uintptr_t)versions[i]);
    }
}

int main(void)
{
    test_accepted();
    test_refused();
    test_longest();
    test_order();
    test_stable();
    return check_end();
}
