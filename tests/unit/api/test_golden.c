/* The recorded fleet: state documents go in, and the answers of the system that ours replaces come out. */
#include <stdlib.h>

#include "base/mem.h"
#include "json/tree.h"
#include "services/api/exposition.h"
#include "tests/unit/api/documents.h"

#include "base/poison.h"

#define GOLDEN "tests/unit/api/golden/"

/* Whether got holds all that want holds: members that ours adds are ignored. */
static bool contains(const cJSON *got, const cJSON *want)
{
    if (!got || got->type != want->type) return false;
    if (cJSON_IsArray(want)) {
        if (cJSON_GetArraySize(got) != cJSON_GetArraySize(want)) return false;
        for (int i = 0; i < cJSON_GetArraySize(want); i++) {
            if (!contains(cJSON_GetArrayItem(got, i), cJSON_GetArrayItem(want, i))) return false;
        }
        return true;
    }
    if (!cJSON_IsObject(want)) return cJSON_Compare(got, want, true);
    for (const cJSON *m = want->child; m; m = m->next) {
        if (!contains(ov_json_member(got, m->string), m)) return false;
    }
    return true;
}

/* Calls each for "first rest" of every line of a file. */
static void each_line(const char *path, void (*each)(void *arg, ov_str first, ov_str rest), void *arg)
{
    size_t len;
    OV_CLEANUP(ov_free_p) char *text = check_read_file(path, &len);
    ov_str rest = {text, len}, line;
    while (ov_str_split(&rest, '\n', &line)) {
        if (!line.len) continue;
        size_t space = ov_str_find(line, ' ', 0);
        each(arg, ov_str_sub(line, 0, space), ov_str_sub(line, space + 1, line.len));
    }
}

static void feed_line(void *arg, ov_str key, ov_str body)
{
    OV_CLEANUP(ov_buf_clear) ov_buf subject = OV_BUF(SUBJECT_MAX);
    ov_err err = {0};
    ov_buf_printf(&subject, STATE_PREFIX "%.*s", OV_STR_ARG(key));
    CHECK_OK(mirror_apply(arg, ov_buf_str(&subject), body, &err), &err);
}

static reply *ask(view *v, ov_str path)
{
    ov_str parts[4] = {0}, rest = path;
    size_t count = 0;
    while (count < 4 && ov_str_split(&rest, '/', &parts[count])) count++;
    if (ov_str_eq(parts[0], OV_STR("overview"))) return answer_overview(v);
    if (count == 1) return answer_agents(v);
    if (count == 2) return answer_agent(v, parts[1]);
    return count == 3 ? answer_tracker(v, parts[1], parts[2]) : answer_gap(v, parts[1], parts[2]);
}

static void check_answer(void *arg, ov_str path, ov_str want)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 24);
    OV_CLEANUP(ov_json_tree_p) cJSON *expected = NULL, *got = NULL;
    OV_CLEANUP(ov_free_p) char *name = ov_dup(path);
    ov_err err = {0};
    check_case(name);
    reply *r = ask(view_ref(arg), path);
    if (!CHECK(r != NULL)) return;
    reply_text(r, &text);
    reply_free(r);
    CHECK_OK(ov_json_tree(want, &expected, &err), &err);
    CHECK_OK(ov_json_tree(ov_buf_str(&text), &got, &err), &err);
    CHECK(contains(got, expected));
    check_case(NULL);
}

/* The value of the sample with exactly these labels, in any order, or an empty text. */
static ov_str sample_find(ov_str text, ov_str name, const ov_str *labels, size_t count)
{
    ov_str line, rest = text;
    while (ov_str_split(&rest, '\n', &line)) {
        if (!ov_str_starts(line, name) || line.len <= name.len) continue;
        if (line.ptr[name.len] != '{') {
            if (count == 0 && line.ptr[name.len] == ' ') return ov_str_sub(line, name.len + 1, line.len);
            continue;
        }
        size_t found = 0;
        for (size_t i = 0; i < count; i++) found += memmem(line.ptr, line.len, labels[i].ptr, labels[i].len) != NULL;
        size_t end = line.len;
        while (end && line.ptr[end - 1] != ' ') end--;
        if (found == count) return ov_str_sub(line, end, line.len);
    }
    return OV_STR("");
}

/* Labels of the recorded samples are cut at the quotes that end them: none of them holds one. */
static size_t labels_cut(ov_str inside, ov_str out[16])
{
    size_t count = 0, from = 0;
    while (from < inside.len && count < 16) {
        size_t open = ov_str_find(inside, '"', from), close = ov_str_find(inside, '"', open + 1);
        out[count++] = ov_str_sub(inside, from, close + 1);
        from = close + 2;
    }
    return count;
}

typedef struct {
    ov_str text;
    size_t samples;
} exposed;

static void check_sample(void *arg, ov_str series, ov_str value)
{
    exposed *e = arg;
    ov_str labels[16];
    size_t brace = ov_str_find(series, '{', 0);
    ov_str name = ov_str_sub(series, 0, brace);
    size_t count = brace < series.len ? labels_cut(ov_str_sub(series, brace + 1, series.len - 1), labels) : 0;
    OV_CLEANUP(ov_free_p) char *shown = ov_dup(series);
    check_case(shown);
    CHECK_STR(sample_find(e->text, name, labels, count), value);
    check_case(NULL);
    e->samples++;
}

/* Families that the recorded system did not have. */
static bool is_ours(ov_str line)
{
    return ov_str_starts(line, ov_str_of(block_family_names[FAMILY_STATE])) ||
           ov_str_starts(line, OV_STR(VIEW_SOURCE_NAME));
}

static size_t count_samples(ov_str text)
{
    size_t count = 0;
    ov_str line;
    while (ov_str_split(&text, '\n', &line)) count += line.len && line.ptr[0] != '#' && !is_ours(line);
    return count;
}

static void metrics_are_the_same(view *v)
{
    OV_CLEANUP(ov_buf_clear) ov_buf text = OV_BUF(1 << 24);
    reply *r = exposition_plain(view_ref(v), OV_STR(""));
    reply_text(r, &text);
    reply_free(r);
    exposed e = {.text = ov_buf_str(&text)};
    each_line(GOLDEN "metrics.txt", check_sample, &e);
    CHECK_INT(count_samples(ov_buf_str(&text)), e.samples);
}

int main(void)
{
    mirror *m = mirror_new();
    mirror_snapshot_begin(m);
    each_line(GOLDEN "documents.txt", feed_line, m);
    mirror_snapshot_end(m);
    OV_CLEANUP(view_unref_p) view *v = mirror_publish(m, (ov_mono){0});
    CHECK_INT(mirror_count(m).waiting, 0);
    each_line(GOLDEN "answers.txt", check_answer, v);
    metrics_are_the_same(v);
    mirror_free(m);
    return check_end();
}
