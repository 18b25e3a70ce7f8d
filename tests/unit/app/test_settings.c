/* Settings: which source wins, what each bad value is told, secrets, lists, help. */
#include "app/settings.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/groups.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "support/check.h"

#include "base/poison.h"

enum { ARGUMENTS_MAX = 8, PROBLEMS_MAX = 4096 };

typedef struct {
    char *name;
    ov_secret *token, *key;
    bool loud;
    int64_t count, wait_ms, any_ms;
    int mood;
    ov_text_list tags;
} example;

static const char *const moods[] = {"good", "bad", NULL};

static ov_status check_name(const char *text, ov_err *err)
{
    return strchr(text, '/') ? ov_fail(err, OV_INVALID, "expected no slash") : OV_OK;
}

#define AT(member) offsetof(example, member)
static const ov_setting table[] = {
    {.flag = "name",
     .env = "EX_NAME",
     .type = OV_SET_TEXT,
     .offset = AT(name),
     .fallback = "nobody",
     .check = check_name,
     .help = "who"},
    {.flag = "auth.token", .env = "EX_TOKEN", .type = OV_SET_SECRET, .offset = AT(token), .help = "a token"},
    {.flag = "auth.key", .env = "EX_KEY", .type = OV_SET_SECRET_OR_FILE, .offset = AT(key), .help = "a key"},
    {.flag = "loud", .env = "EX_LOUD", .type = OV_SET_BOOL, .offset = AT(loud), .fallback = "false", .help = "noise"},
    {.flag = "count",
     .env = "EX_COUNT",
     .type = OV_SET_INT,
     .offset = AT(count),
     .fallback = "3",
     .min = 1,
     .max = 10,
     .help = "how many"},
    {.flag = "wait",
     .env = "EX_WAIT",
     .type = OV_SET_DURATION,
     .offset = AT(wait_ms),
     .fallback = "1m",
     .min = 1000,
     .max = 3600000,
     .help = "how long"},
    {.flag = "any", .type = OV_SET_DURATION, .offset = AT(any_ms), .help = "any time"},
    {.flag = "mood",
     .env = "EX_MOOD",
     .type = OV_SET_CHOICE,
     .offset = AT(mood),
     .fallback = "good",
     .choices = moods,
     .help = "the mood"},
    {.flag = "tags", .env = "EX_TAGS", .type = OV_SET_LIST, .offset = AT(tags), .help = "tags"},
};
static const ov_setting required_table[] = {
    {.flag = "name", .env = "EX_NAME", .type = OV_SET_TEXT, .offset = AT(name), .required = true, .help = "a name"},
    {.flag = "auth.token",
     .env = "EX_TOKEN",
     .type = OV_SET_SECRET,
     .offset = AT(token),
     .required = true,
     .help = "a token"},
    {.flag = "tags", .type = OV_SET_LIST, .offset = AT(tags), .required = true, .help = "tags"},
};
#undef AT

/* ---- loading a row ---- */

static char file_name[] = "/tmp/opvic-test-settings-XXXXXX";

static void write_file(const char *text)
{
    FILE *f = fopen(file_name, "w");
    if (!f) abort();
    fputs(text, f);
    fclose(f);
}

static void set_variables(const char *lines)
{
    static const char *const names[] = {"EX_NAME", "EX_TOKEN", "EX_KEY",  "EX_LOUD",    "EX_COUNT",
                                        "EX_WAIT", "EX_MOOD",  "EX_TAGS", "CONFIG_FILE"};
    for (size_t i = 0; i < OV_COUNT(names); i++) unsetenv(names[i]);
    ov_str rest = ov_str_of(lines), line;
    while (lines && ov_str_split(&rest, ';', &line)) {
        size_t equals = ov_str_find(line, '=', 0);
        char name[64], value[256];
        snprintf(name, sizeof name, "%.*s", OV_STR_ARG(ov_str_sub(line, 0, equals)));
        snprintf(value, sizeof value, "%.*s", OV_STR_ARG(ov_str_sub(line, equals + 1, line.len)));
        setenv(name, value, 1);
    }
}

typedef struct {
    char memory[1024];
    char *argv[ARGUMENTS_MAX + 2];
    int argc;
} command_line;

/* Arguments are separated by ';'. */
static void set_arguments(command_line *c, const char *arguments)
{
    *c = (command_line){.argc = 1};
    snprintf(c->memory, sizeof c->memory, "example;%s", arguments ? arguments : "");
    c->argv[0] = c->memory;
    for (char *at = strchr(c->memory, ';'); at && c->argc <= ARGUMENTS_MAX; at = strchr(at, ';')) {
        *at++ = '\0';
        if (arguments && *arguments) c->argv[c->argc++] = at;
    }
}

static ov_status load(const ov_setting *settings, size_t count, command_line *c, example *ret, ov_buf *problems)
{
    const ov_settings_table tables[] = {{settings, count, ret}};
    ov_settings_outcome outcome;
    ov_status status = ov_settings_load_all("example", "shows", tables, 1, c->argc, c->argv, &outcome, problems);
    if (status == OV_OK) CHECK_INT(outcome, OV_SETTINGS_RUN);
    return status;
}

static void describe(const example *e, ov_buf *out)
{
    ov_buf_printf(out, "name=%s token=%.*s key=%.*s loud=%d count=%lld wait=%lld any=%lld mood=%d tags=",
                  e->name ? e->name : "", OV_STR_ARG(ov_secret_text(e->token)), OV_STR_ARG(ov_secret_text(e->key)),
                  e->loud, (long long)e->count, (long long)e->wait_ms, (long long)e->any_ms, e->mood);
    for (size_t i = 0; i < e->tags.count; i++) ov_buf_printf(out, "%s%s", i ? "," : "", e->tags.items[i]);
}

#define DEFAULTS " loud=0 count=3 wait=60000 any=0 mood=0 tags="

static void sources_have_an_order(void)
{
    static const struct {
        const char *arguments, *variables, *file, *expected;
    } rows[] = {
        {NULL, NULL, NULL, "name=nobody token= key=" DEFAULTS},
        {NULL, NULL, "name: file", "name=file token= key=" DEFAULTS},
        {NULL, "EX_NAME=env", "name: file", "name=env token= key=" DEFAULTS},
        {"--name=flag", "EX_NAME=env", "name: file", "name=flag token= key=" DEFAULTS},
        {"--name;flag", "EX_NAME=env", NULL, "name=flag token= key=" DEFAULTS},
        {"-name=flag;-name;last", NULL, NULL, "name=last token= key=" DEFAULTS},
        {"--name=", "EX_NAME=env", NULL, "name= token= key=" DEFAULTS},
        {"--name=a=b", NULL, NULL, "name=a=b token= key=" DEFAULTS},
        {NULL, "EX_NAME=", "name: file", "name=file token= key=" DEFAULTS},
        {"--loud", NULL, NULL, "name=nobody token= key= loud=1 count=3 wait=60000 any=0 mood=0 tags="},
        {"--loud=no", "EX_LOUD=1", NULL, "name=nobody token= key=" DEFAULTS},
        {"--any=1h30m;--count=10", "EX_WAIT=1s;EX_MOOD=bad", "loud: yes",
         "name=nobody token= key= loud=1 count=10 wait=1000 any=5400000 mood=1 tags="},
        {"--auth.token=s3cret;--auth.key=/no/such/file", NULL, NULL,
         "name=nobody token=s3cret key=/no/such/file" DEFAULTS},
        {NULL, NULL, "auth:\n  token: t\n  key: |\n    PEM\n    text\n",
         "name=nobody token=t key=PEM\ntext\n" DEFAULTS},
        {NULL, NULL, "auth.token: t\nname: ~\n", "name=nobody token=t key=" DEFAULTS},
        {NULL, NULL, "count: 4\nwait: 2m\nmood: bad\n",
         "name=nobody token= key= loud=0 count=4 wait=120000 any=0 mood=1 tags="},
        {NULL, NULL, "", "name=nobody token= key=" DEFAULTS},
        {NULL, NULL, "# nothing\n", "name=nobody token= key=" DEFAULTS},
        {"--tags=a=1;--tags=b:2", "EX_TAGS=c=3", NULL, "name=nobody token= key=" DEFAULTS "a=1,b:2"},
        {NULL, "EX_TAGS=a=1\n\n b=2 ", "tags: [c]", "name=nobody token= key=" DEFAULTS "a=1,b=2"},
        {NULL, NULL, "tags: [a=1, b=2]", "name=nobody token= key=" DEFAULTS "a=1,b=2"},
        {NULL, NULL, "tags: |\n  a=1\n  b=2\n", "name=nobody token= key=" DEFAULTS "a=1,b=2"},
        {NULL, NULL, "tags: []", "name=nobody token= key=" DEFAULTS},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].expected);
        command_line c;
        example e;
        OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_MAX), text = OV_BUF(1024);
        set_arguments(&c, rows[i].arguments);
        set_variables(rows[i].variables);
        if (rows[i].file) {
            write_file(rows[i].file);
            setenv("CONFIG_FILE", file_name, 1);
        }
        if (CHECK_INT(load(table, OV_COUNT(table), &c, &e, &problems), OV_OK)) {
            describe(&e, &text);
            CHECK_STR(ov_buf_str(&text), ov_str_of(rows[i].expected));
            ov_settings_clear(&(ov_settings_table){table, OV_COUNT(table), &e}, 1);
        } else {
            CHECK_STR(ov_buf_str(&problems), OV_STR(""));
        }
    }
    check_case(NULL);
}

static void problems_name_source_value_and_expectation(void)
{
    static const struct {
        const char *arguments, *variables, *file, *expected;
    } rows[] = {
        {"--name=a/b", NULL, NULL, "--name: \"a/b\": expected no slash\n"},
        {NULL, "EX_NAME=/", NULL, "EX_NAME: \"/\": expected no slash\n"},
        {"--count=x", NULL, NULL, "--count: \"x\": expected a whole number\n"},
        {"--count=0", NULL, NULL, "--count: \"0\": expected 1 to 10\n"},
        {"--count=-1", NULL, NULL, "--count: \"-1\": expected 1 to 10\n"},
        {"--count=", NULL, NULL, "--count: \"\": expected a whole number\n"},
        {"--count=99999999999999999999", NULL, NULL, "--count: \"99999999999999999999\": expected a whole number\n"},
        {NULL, "EX_WAIT=soon", NULL, "EX_WAIT: \"soon\": expected a duration such as 1m30s\n"},
        {NULL, "EX_WAIT=500ms", NULL, "EX_WAIT: \"500ms\": expected 1s to 1h0m0s\n"},
        {NULL, "EX_MOOD=odd", NULL, "EX_MOOD: \"odd\": expected one of good, bad\n"},
        {NULL, "EX_LOUD=maybe", NULL, "EX_LOUD: \"maybe\": expected true or false\n"},
        {NULL, NULL, "count: 11", "FILE: count: \"11\": expected 1 to 10\n"},
        {NULL, NULL, "nam: x", "FILE: nam: unknown key\n"},
        {NULL, NULL, "auth:\n  tokens: x\n", "FILE: auth.tokens: unknown key\n"},
        {NULL, NULL, "name: [a]", "FILE: name: expected one value\n"},
        {NULL, NULL, "name:\n  first: a\n", "FILE: name: expected one value\n"},
        {NULL, NULL, "tags: {a: 1}", "FILE: tags: expected a list or a text\n"},
        {NULL, NULL, "tags: [[a]]", "FILE: tags: expected a list of texts\n"},
        {NULL, NULL, "name: a\nname: b\n", "FILE: name: given twice\n"},
        {NULL, NULL, "- a\n", "FILE: expected a mapping\n"},
        {NULL, NULL, "name: a\n---\nname: b\n", "FILE: expected one document\n"},
        {"--nam=x", NULL, NULL, "--nam: unknown flag\n"},
        {"--name", NULL, NULL, "--name: expected a value\n"},
        {"run", NULL, NULL, "run: expected a flag\n"},
        {"--;--name=x", NULL, NULL, "--name=x: expected a flag\n"},
        {"--config=", NULL, NULL, "--config: expected the name of a file\n"},
        {"--config=/no/such/file", NULL, NULL, "/no/such/file: cannot be opened: No such file or directory\n"},
        {"--count=x;--nam=y", "EX_MOOD=odd", NULL,
         "--nam: unknown flag\n--count: \"x\": expected a whole number\nEX_MOOD: \"odd\": expected one of good, bad\n"},
    };
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].expected);
        command_line c;
        example e;
        OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_MAX), expected = OV_BUF(PROBLEMS_MAX);
        set_arguments(&c, rows[i].arguments);
        set_variables(rows[i].variables);
        if (rows[i].file) {
            write_file(rows[i].file);
            setenv("CONFIG_FILE", file_name, 1);
            ov_buf_printf(&expected, "%s%s", file_name, rows[i].expected + 4);
        } else {
            ov_buf_append_c(&expected, rows[i].expected);
        }
        CHECK_INT(load(table, OV_COUNT(table), &c, &e, &problems), OV_INVALID);
        CHECK_STR(ov_buf_str(&problems), ov_buf_str(&expected));
    }
    check_case("not YAML");
    command_line c;
    example e;
    OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_MAX);
    write_file("name: [");
    set_variables(NULL);
    setenv("CONFIG_FILE", file_name, 1);
    set_arguments(&c, NULL);
    CHECK_INT(load(table, OV_COUNT(table), &c, &e, &problems), OV_INVALID);
    CHECK(ov_str_starts(ov_buf_str(&problems), ov_str_of(file_name)));
    check_case(NULL);
}

static void required_settings_are_named(void)
{
    command_line c;
    example e;
    ov_settings_outcome outcome;
    ov_err err = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_MAX);
    set_variables("EX_NAME=;EX_TOKEN=");
    set_arguments(&c, "--auth.token=");
    CHECK_INT(load(required_table, OV_COUNT(required_table), &c, &e, &problems), OV_INVALID);
    CHECK_STR(ov_buf_str(&problems), OV_STR("--name or EX_NAME: missing: expected a name\n"
                                            "--auth.token or EX_TOKEN: missing: expected a token\n"
                                            "--tags: missing: expected tags\n"));
    const ov_settings_table tables[] = {{required_table, OV_COUNT(required_table), &e}};
    CHECK_STATUS(ov_settings_load("example", "shows", tables, 1, c.argc, c.argv, &outcome, &err), OV_INVALID, &err);
    CHECK_C(err.msg, "--name or EX_NAME: missing: expected a name");
}

static void secrets_leave_no_trace(void)
{
    command_line c;
    example e;
    OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_MAX);
    set_variables(NULL);
    write_file("from the file\n\n");
    char arguments[256];
    snprintf(arguments, sizeof arguments, "--auth.token;hunter2;--auth.key=%s;--name=bob", file_name);
    set_arguments(&c, arguments);
    CHECK_INT(load(table, OV_COUNT(table), &c, &e, &problems), OV_OK);
    CHECK_STR(ov_secret_text(e.token), OV_STR("hunter2"));
    CHECK_STR(ov_secret_text(e.key), OV_STR("from the file"));
    CHECK(!memmem(c.memory, sizeof c.memory, "hunter2", 7));
    CHECK(!memmem(c.memory, sizeof c.memory, file_name, strlen(file_name)));
    CHECK(memmem(c.memory, sizeof c.memory, "--name=bob", 10));
    ov_settings_clear(&(ov_settings_table){table, OV_COUNT(table), &e}, 1);
    CHECK(!e.token && !e.key && !e.name);
}

static void a_secret_file_is_bounded(void)
{
    static char text[70000];
    command_line c;
    example e;
    OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_MAX);
    memset(text, 'x', sizeof text - 1);
    write_file(text);
    char variable[64];
    snprintf(variable, sizeof variable, "EX_KEY=%s", file_name);
    set_variables(variable);
    set_arguments(&c, NULL);
    CHECK_INT(load(table, OV_COUNT(table), &c, &e, &problems), OV_INVALID);
    CHECK_STR(ov_buf_str(&problems), OV_STR("EX_KEY: the file is too large for a secret\n"));
}

/* ---- what is printed ---- */

static void answers_are_printed(void)
{
    static const struct {
        const char *arguments, *part;
    } rows[] = {
        {"--help", "--auth.token secret\n        a token (EX_TOKEN)\n"},
        {"-h", "--count int\n        how many (EX_COUNT, default 3)\n"},
        {"--nam=x;--help", "--mood good|bad\n"},
        {"--version", "example " OPVIC_VERSION "\n"},
        {"--settings-json",
         "{\"flag\":\"count\",\"env\":\"EX_COUNT\",\"type\":\"int\",\"default\":\"3\",\"required\":false,"
         "\"min\":1,\"max\":10,\"help\":\"how many\"}"},
        {"--settings-json", "{\"flag\":\"any\",\"env\":\"\","},
    };
    int out = dup(STDOUT_FILENO);
    for (size_t i = 0; i < OV_COUNT(rows); i++) {
        check_case(rows[i].part);
        command_line c;
        example e;
        OV_CLEANUP(ov_buf_clear) ov_buf problems = OV_BUF(PROBLEMS_MAX);
        const ov_settings_table tables[] = {{table, OV_COUNT(table), &e}};
        ov_settings_outcome outcome = OV_SETTINGS_RUN;
        set_variables(NULL);
        set_arguments(&c, rows[i].arguments);
        fflush(stdout);
        int file = open(file_name, O_WRONLY | O_TRUNC | O_CLOEXEC);
        dup2(file, STDOUT_FILENO);
        close(file);
        ov_status status = ov_settings_load_all("example", "shows", tables, 1, c.argc, c.argv, &outcome, &problems);
        dup2(out, STDOUT_FILENO);
        CHECK_INT(status, OV_OK);
        CHECK_INT(outcome, OV_SETTINGS_SHOWN);
        CHECK_INT(problems.len, 0);
        OV_CLEANUP(ov_free_p) char *shown = check_read_file(file_name, NULL);
        CHECK(strstr(shown, rows[i].part));
    }
    close(out);
    check_case(NULL);
}

static void shared_groups_load(void)
{
    ov_log_settings log;
    ov_bus_settings bus;
    const ov_settings_table tables[] = {{ov_log_table, ov_log_table_count, &log},
                                        {ov_bus_table, ov_bus_table_count, &bus}};
    command_line c;
    ov_settings_outcome outcome;
    ov_err err = {0};
    set_variables(NULL);
    set_arguments(&c, "--log.level=warn;--log.format=json;--nats.password=p");
    CHECK_OK(ov_settings_load("example", "shows", tables, 2, c.argc, c.argv, &outcome, &err), &err);
    CHECK_INT(log.level, 2);
    CHECK_INT(log.format, 1);
    CHECK_C(bus.url, "nats://127.0.0.1:4222");
    CHECK_STR(ov_secret_text(bus.password), OV_STR("p"));
    ov_settings_clear(tables, 2);
}

int main(void)
{
    int file = mkstemp(file_name);
    if (file < 0) abort();
    close(file);
    sources_have_an_order();
    problems_name_source_value_and_expectation();
    required_settings_are_named();
    secrets_leave_no_trace();
    a_secret_file_is_bounded();
    answers_are_printed();
    shared_groups_load();
    unlink(file_name);
    return check_end();
}
