/* The pull reader against cJSON and against the splitter: what one accepts, the others read alike. */
#include <stdint.h>
#include <stdlib.h>

#include "json/fields.h"
#include "json/splitter.h"
#include "json/tree.h"
#include "json/writer.h"

#include "base/poison.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok) abort();
}

static ov_status skip_all(ov_str text, ov_err *err)
{
    ov_json_reader r;
    ov_json_token end;
    ov_str raw;
    ov_json_reader_init(&r, text);
    ov_status st = ov_json_skip(&r, &raw, err);
    return st == OV_OK ? ov_json_next(&r, &end, err) : st;
}

/* Every string of the document survives: unescaped, quoted, read again. */
static void check_string(const ov_json_token *t)
{
    ov_buf text = OV_BUF(SIZE_MAX), quoted = OV_BUF(SIZE_MAX);
    ov_json_unescape(t, &text);
    require(ov_json_token_is(t, ov_buf_str(&text)));
    require(ov_str_is_utf8(ov_buf_str(&text)));
    ov_json_quote(&quoted, ov_buf_str(&text));
    ov_json_reader r;
    ov_json_token again;
    ov_json_reader_init(&r, ov_buf_str(&quoted));
    require(ov_json_next(&r, &again, NULL) == OV_OK);
    require(ov_json_token_is(&again, ov_buf_str(&text)));
    ov_buf_clear(&text);
    ov_buf_clear(&quoted);
}

static bool walk(ov_str text)
{
    ov_json_reader r;
    ov_json_token t;
    int64_t n;
    ov_json_reader_init(&r, text);
    do {
        if (ov_json_next(&r, &t, NULL) != OV_OK) return false;
        if (t.type == OV_JSON_STRING || t.type == OV_JSON_NAME) check_string(&t);
        if (t.type == OV_JSON_NUMBER) (void)!ov_json_token_i64(&t, &n, NULL);
    } while (t.type != OV_JSON_END);
    return true;
}

static void compare_with_tree(ov_str text, bool accepted)
{
    OV_CLEANUP(ov_json_tree_p) cJSON *tree = NULL;
    ov_err err = {0};
    ov_status st = ov_json_tree(text, &tree, &err);
    require((st == OV_OK) == accepted);
    require(accepted || err.msg[0]);
}

typedef struct {
    ov_buf joined;
} elements;

static ov_status take_element(void *arg, ov_str element, ov_err *err)
{
    (void)err;
    elements *e = arg;
    ov_buf_append_str(&e->joined, element);
    ov_buf_append_char(&e->joined, '\n');
    return OV_OK;
}

static ov_status split(ov_str text, const char *member, size_t piece, elements *out)
{
    ov_json_splitter *s = ov_json_splitter_new(member, 1024 * 1024, take_element, out);
    ov_status st = OV_OK;
    for (size_t at = 0; at < text.len && st == OV_OK; at += piece)
        st = ov_json_splitter_feed(s, ov_str_sub(text, at, at + piece), NULL);
    if (st == OV_OK) st = ov_json_splitter_finish(s, NULL);
    ov_json_splitter_free(s);
    return st;
}

/* The elements of an array as the pull reader sees them. */
static bool read_elements(ov_str array, elements *out)
{
    ov_json_reader r;
    bool more = false;
    ov_json_reader_init(&r, array);
    if (ov_json_array_begin(&r, "array", NULL) != OV_OK) return false;
    for (;;) {
        ov_str raw;
        if (ov_json_array_next(&r, &more, "array", NULL) != OV_OK) return false;
        if (!more) return true;
        if (ov_json_skip(&r, &raw, NULL) != OV_OK) return false;
        (void)!take_element(out, raw, NULL);
    }
}

static void compare_with_splitter(ov_str text, const char *member, ov_str array, size_t piece)
{
    elements want = {OV_BUF(SIZE_MAX)}, got = {OV_BUF(SIZE_MAX)};
    require(read_elements(array, &want));
    require(split(text, member, piece, &got) == OV_OK);
    require(ov_str_eq(ov_buf_str(&want.joined), ov_buf_str(&got.joined)));
    ov_buf_clear(&want.joined);
    ov_buf_clear(&got.joined);
}

/* Where the document has one array called items, or is one, the splitter finds the same elements. */
static void check_splitter(ov_str text, bool accepted, bool too_deep, size_t piece)
{
    static const ov_field fields[] = {{"items", OV_FIELD_ARRAY, true, 0}};
    ov_str items = {0};
    ov_json_arena arena = {0};
    elements ignored = {OV_BUF(SIZE_MAX)};
    if (accepted && ov_json_fields_of(text, fields, 1, &items, &arena, "", NULL) == OV_OK)
        compare_with_splitter(text, "items", items, piece);
    ov_str trimmed = ov_str_trim(text);
    if (accepted && trimmed.ptr[0] == '[')
        compare_with_splitter(text, NULL, text, piece);
    else if (split(text, NULL, piece, &ignored) == OV_OK)
        require(too_deep); /* which the splitter counts from each element on */
    ov_buf_clear(&ignored.joined);
    ov_json_arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size) return 0;
    size_t piece = data[0] % 16 + 1u;
    ov_str text = {(const char *)data + 1, size - 1};
    ov_err err = {0};
    bool accepted = skip_all(text, &err) == OV_OK;
    require(walk(text) == accepted);
    compare_with_tree(text, accepted);
    check_splitter(text, accepted, strstr(err.msg, "nested too deeply") != NULL, piece);
    return 0;
}
