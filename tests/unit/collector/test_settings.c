/* What the table of settings cannot check: the identifier, the tags, what belongs together. */
#include "services/collector/settings.h"

#include "base/buf.h"
#include "support/check.h"
#include "base/poison.h"

typedef struct {
    const char *name;
    const char *id, *files;
    bool once, print;
    const char *says; /* NULL: fine */
} settings_case;

static const settings_case settings[] = {
    {"all there is", "prod-EU-1", "/dumps", false, false, NULL},
    {"once", "a", "/dumps", true, false, NULL},
    {"printed", "a", "/dumps", true, true, NULL},
    {"a space in the identifier", "a b", "/dumps", false, false, "agent.identifier: \"a b\": expected letters, digits"},
    {"a dot", "a.b", "/dumps", false, false, "agent.identifier: \"a.b\""},
    {"no identifier", NULL, "/dumps", false, false, "agent.identifier: \"\""},
    {"print alone", "a", "/dumps", false, true, "print: expected together with once"},
};

static void test_checks(void)
{
    for (size_t i = 0; i < OV_COUNT(settings); i++) {
        const settings_case *c = &settings[i];
        collector_settings s = {.agent_id = (char *)(uintptr_t)c->id,
                                .cluster_files = (char *)(uintptr_t)c->files,
                                .once = c->once,
                                .print = c->print};
        ov_err err = {0};
        check_case(c->name);
        CHECK_STATUS(collector_settings_check(&s, &err), c->says ? OV_INVALID : OV_OK, &err);
        if (c->says) CHECK(ov_str_starts(ov_str_of(err.msg), ov_str_of(c->says)));
    }
    check_case(NULL);
}

typedef struct {
    const char *name;
    const char *tags[4]; /* up to the first NULL */
    const char *want;    /* JSON; NULL: refused */
    const char *says;
} tags_case;

static const tags_case tags[] = {
    {"none", {NULL}, "", NULL},
    {"either sign", {"env=prod", "region:eu"}, "{\"env\":\"prod\",\"region\":\"eu\"}", NULL},
    {"the first sign parts", {"url=http://x", "a:b=c"}, "{\"url\":\"http://x\",\"a\":\"b=c\"}", NULL},
    {"an empty value", {"env="}, "{\"env\":\"\"}", NULL},
    {"empty lines and space around", {"", "  env = prod ", " "}, "{\"env\":\"prod\"}", NULL},
    {"the last of a key", {"env=a", "x=1", "env:b"}, "{\"x\":\"1\",\"env\":\"b\"}", NULL},
    {"quotes", {"a\"b=c\\d"}, "{\"a\\\"b\":\"c\\\\d\"}", NULL},
    {"no sign", {"env"}, NULL, "agent.tags: \"env\": expected key=value or key:value"},
    {"no key", {"=prod"}, NULL, "agent.tags: \"=prod\": expected key=value"},
    {"bytes that are no text", {"a=\xFF"}, NULL, "agent.tags: "},
};

static void test_tags(void)
{
    for (size_t i = 0; i < OV_COUNT(tags); i++) {
        const tags_case *c = &tags[i];
        char *items[4] = {NULL};
        ov_text_list list = {.items = items};
        ov_err err = {0};
        OV_CLEANUP(ov_buf_clear) ov_buf out = OV_BUF(COLLECTOR_TAGS_BYTES_MAX);
        check_case(c->name);
        while (list.count < OV_COUNT(items) && c->tags[list.count]) {
            items[list.count] = (char *)(uintptr_t)c->tags[list.count];
            list.count++;
        }
        CHECK_STATUS(collector_tags_write(&list, &out, &err), c->want ? OV_OK : OV_INVALID, &err);
        if (c->want) CHECK_STR(ov_buf_str(&out), ov_str_of(c->want));
        if (!c->want) CHECK(ov_str_starts(ov_str_of(err.msg), ov_str_of(c->says)));
    }
    check_case(NULL);
}

int main(void)
{
    test_checks();
    test_tags();
    return check_end();
}
