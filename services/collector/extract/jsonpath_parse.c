/* Compiles a JSONPath expression: the same texts are accepted as by client-go's parser, with a bound on nesting. */
#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"
#include "jsonpath_nodes.h"
#include "base/poison.h"

enum { NUMBER_TEXT_MAX = 64, INDEX_DIGITS_MAX = 9 };

/* The text is what stands between the braces of one action. */
typedef struct {
    ov_str text;
    size_t at;
    unsigned nesting;
    ov_err *err;
} path_parser;

static ov_status parse_action(ov_str text, unsigned nesting, jsonpath_list *out, ov_err *err);

static void list_clear(jsonpath_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        jsonpath_node *n = &list->nodes[i];
        if (n->type == NODE_FIELD || n->type == NODE_TEXT || n->type == NODE_IDENTIFIER) free(n->text);
        if (n->type != NODE_UNION && n->type != NODE_FILTER) continue;
        for (size_t j = 0; j < n->list_count; j++) list_clear(&n->lists[j]);
        free(n->lists);
    }
    free(list->nodes);
    *list = (jsonpath_list){0};
}

static void node_clear(jsonpath_node *n)
{
    jsonpath_list one = {.nodes = ov_alloc(sizeof *n), .count = 1, .cap = 1};
    one.nodes[0] = *n;
    list_clear(&one);
}

static void add_node(jsonpath_list *list, jsonpath_node n)
{
    ov_grow(&list->nodes, &list->cap, list->count + 1, sizeof *list->nodes);
    list->nodes[list->count++] = n;
}

/* A list in a union or filter, empty at first. */
static jsonpath_list *add_list(jsonpath_node *n)
{
    ov_grow(&n->lists, &n->list_cap, n->list_count + 1, sizeof *n->lists);
    n->lists[n->list_count] = (jsonpath_list){0};
    return &n->lists[n->list_count++];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes of other scripts count as letters: a letter or not, an identifier means nothing here. */
static bool is_word(char c)
{
    return c == '_' || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

static bool is_terminator(char c)
{
    return memchr(" \t\r\n.,[]$@{}", c, 12) != NULL;
}

static bool at_end(const path_parser *p)
{
    return p->at >= p->text.len;
}

static char current(const path_parser *p)
{
    return p->text.ptr[p->at];
}

static bool looking_at(const path_parser *p, ov_str what)
{
    return ov_str_starts(ov_str_sub(p->text, p->at, p->text.len), what);
}

/* A field up to the next terminator that no backslash stands before; the backslashes go. */
static ov_status parse_field(path_parser *p, jsonpath_list *out)
{
    ov_buf name = OV_BUF(JSONPATH_TEXT_MAX + 1);
    size_t from = p->at;
    for (; !at_end(p) && !is_terminator(current(p)); p->at++) {
        if (current(p) == '\\' && ++p->at >= p->text.len) {
            ov_buf_clear(&name);
            return ov_fail(p->err, OV_INVALID, "unclosed action");
        }
        if (current(p) != '\\') ov_buf_append_char(&name, current(p));
    }
    if (ov_str_eq(ov_str_sub(p->text, from, p->at), OV_STR("*"))) {
        ov_buf_clear(&name);
        add_node(out, (jsonpath_node){.type = NODE_WILDCARD});
        return OV_OK;
    }
    ov_buf_append_char(&name, '\0');
    add_node(out, (jsonpath_node){.type = NODE_FIELD, .text = ov_buf_take(&name, NULL)});
    return OV_OK;
}

static ov_status parse_identifier(path_parser *p, jsonpath_list *out)
{
    size_t from = p->at;
    while (!at_end(p) && !is_terminator(current(p))) p->at++;
    ov_str word = ov_str_sub(p->text, from, p->at);
    if (ov_str_eq(word, OV_STR("true")) || ov_str_eq(word, OV_STR("false")))
        add_node(out, (jsonpath_node){.type = NODE_BOOL, .b = word.len == 4});
    else
        add_node(out, (jsonpath_node){.type = NODE_IDENTIFIER, .text = ov_dup(word)});
    return OV_OK;
}

/* Digits with an optional sign and dot; what does not fit 64 bits is a float. */
static bool read_number(const char *text, jsonpath_node *ret)
{
    size_t dots = 0, digits = 0;
    for (const char *c = text; *c; c++) {
        dots += *c == '.';
        digits += is_digit(*c);
    }
    if (digits == 0 || dots > 1) return false;
    char *end = NULL;
    errno = 0;
    long long whole = strtoll(text, &end, 10);
    if (dots == 0 && errno == 0 && *end == '\0')
        *ret = (jsonpath_node){.type = NODE_INT, .i = whole};
    else
        *ret = (jsonpath_node){.type = NODE_FLOAT, .d = strtod(text, &end)};
    return *end == '\0';
}

static ov_status parse_number(path_parser *p, jsonpath_list *out)
{
    char text[NUMBER_TEXT_MAX];
    size_t len = 0;
    do text[len++] = current(p);
    while (++p->at < p->text.len && len + 1 < sizeof text && (current(p) == '.' || is_digit(current(p))));
    text[len] = '\0';
    jsonpath_node n;
    if (!read_number(text, &n)) return ov_fail(p->err, OV_INVALID, "cannot parse number %s", text);
    add_node(out, n);
    return OV_OK;
}

/* The place of the quote that closes the one at the cursor; text.len when there is none. */
static size_t closing_quote(const path_parser *p)
{
    char quote = current(p);
    for (size_t i = p->at + 1; i < p->text.len && p->text.ptr[i] != '\n'; i++)
        if (p->text.ptr[i] == quote && p->text.ptr[i - 1] != '\\') return i;
    return p->text.len;
}

static ov_status parse_quote(path_parser *p, jsonpath_list *out)
{
    size_t end = closing_quote(p);
    if (end == p->text.len) return ov_fail(p->err, OV_INVALID, "unterminated quoted string");
    ov_str quoted = ov_str_sub(p->text, p->at, end + 1);
    char *text = jsonpath_unquote(quoted);
    if (!text) return ov_fail(p->err, OV_INVALID, "malformed quoted string %.*s", OV_STR_ARG(quoted));
    add_node(out, (jsonpath_node){.type = NODE_TEXT, .text = text});
    p->at = end + 1;
    return OV_OK;
}

/* Text with something around it, parsed as an expression of its own. */
static ov_status parse_wrapped(path_parser *p, const char *before, ov_str text, const char *after, jsonpath_list *out)
{
    ov_buf whole = OV_BUF(JSONPATH_TEXT_MAX + 4);
    ov_buf_append_c(&whole, before);
    ov_buf_append_str(&whole, text);
    ov_buf_append_c(&whole, after);
    ov_status s = parse_action(ov_buf_str(&whole), p->nesting + 1, out, p->err);
    ov_buf_clear(&whole);
    return s;
}

static ov_str trim_spaces(ov_str s)
{
    while (s.len > 0 && s.ptr[0] == ' ') s = ov_str_sub(s, 1, s.len);
    while (s.len > 0 && s.ptr[s.len - 1] == ' ') s.len--;
    return s;
}

static ov_status parse_union(path_parser *p, ov_str text, jsonpath_list *out)
{
    jsonpath_node n = {.type = NODE_UNION};
    ov_str part;
    while (ov_str_split(&text, ',', &part)) {
        ov_status s = parse_wrapped(p, "[", trim_spaces(part), "]", add_list(&n));
        if (s == OV_OK) continue;
        node_clear(&n);
        return s;
    }
    add_node(out, n);
    return OV_OK;
}

/* An optional number; false when it is a lone minus or too long to be an index of anything. */
static bool read_index(ov_str text, bool *ret_known, int64_t *ret)
{
    uint64_t n = 0;
    bool negative = text.len > 0 && text.ptr[0] == '-';
    *ret_known = text.len > 0;
    *ret = 0;
    if (text.len == 0) return true;
    ov_str digits = ov_str_sub(text, negative, text.len);
    while (digits.len > 1 && digits.ptr[0] == '0') digits = ov_str_sub(digits, 1, digits.len);
    if (digits.len > INDEX_DIGITS_MAX || !ov_str_to_u64(digits, &n)) return false;
    *ret = negative ? -(int64_t)n : (int64_t)n;
    return true;
}

static ov_status parse_slice(path_parser *p, ov_str text, jsonpath_list *out)
{
    jsonpath_slice slice = {0};
    ov_str part[3] = {{0}, {0}, {0}}, rest = text;
    size_t count = 0;
    while (count < 3 && ov_str_split(&rest, ':', &part[count])) count++;
    bool well_formed = !rest.ptr && read_index(part[0], &slice.has_from, &slice.from) &&
                       read_index(part[1], &slice.has_to, &slice.to) &&
                       read_index(part[2], &slice.has_step, &slice.step);
    if (!well_formed) return ov_fail(p->err, OV_INVALID, "invalid array index %.*s", OV_STR_ARG(text));
    if (count < 2) {
        slice.has_to = slice.to_derived = true;
        slice.to = slice.from + 1;
    }
    add_node(out, (jsonpath_node){.type = NODE_SLICE, .slice = slice});
    return OV_OK;
}

/* ['k'] is .k, whatever k looks like: dots in it need their backslash here too. */
static bool is_quoted_key(ov_str text)
{
    return text.len >= 2 && text.ptr[0] == '\'' && ov_str_find(text, '\'', 1) == text.len - 1;
}

static ov_status parse_key(path_parser *p, ov_str text, jsonpath_list *out)
{
    jsonpath_list nodes = {0};
    ov_status s = parse_wrapped(p, ".", ov_str_sub(text, 1, text.len - 1), "", &nodes);
    for (size_t i = 0; s == OV_OK && i < nodes.count; i++) add_node(out, nodes.nodes[i]);
    if (s == OV_OK) nodes.count = 0;
    list_clear(&nodes);
    return s;
}

static ov_status parse_brackets(path_parser *p, jsonpath_list *out)
{
    size_t from = p->at + 1, end = from;
    while (end < p->text.len && p->text.ptr[end] != ']' && p->text.ptr[end] != '\n') end++;
    if (end == p->text.len || p->text.ptr[end] == '\n') return ov_fail(p->err, OV_INVALID, "unterminated array");
    ov_str inside = ov_str_sub(p->text, from, end);
    p->at = end + 1;
    if (ov_str_eq(inside, OV_STR("*"))) inside = OV_STR(":");
    if (ov_str_find(inside, ',', 0) < inside.len) return parse_union(p, inside, out);
    if (is_quoted_key(inside)) return parse_key(p, inside, out);
    return parse_slice(p, inside, out);
}

static bool is_operator(char c)
{
    return memchr("!<>=", c, 4) != NULL;
}

static jsonpath_filter_op filter_op(ov_str text)
{
    static const struct {
        const char *text;
        jsonpath_filter_op op;
    } ops[] = {{"==", FILTER_EQ}, {"!=", FILTER_NE}, {"<", FILTER_LT},
               {"<=", FILTER_LE}, {">", FILTER_GT},  {">=", FILTER_GE}};
    for (size_t i = 0; i < OV_COUNT(ops); i++)
        if (ov_str_eq(text, ov_str_of(ops[i].text))) return ops[i].op;
    return FILTER_UNKNOWN;
}

/* left OP right, or left alone: then it must exist. An operator with nothing behind it gives its last byte away. */
static void split_filter(ov_str text, ov_str *ret_left, ov_str *ret_right, jsonpath_filter_op *ret_op)
{
    size_t from = 0;
    while (from < text.len && !is_operator(text.ptr[from])) from++;
    size_t to = from;
    while (to < text.len && is_operator(text.ptr[to])) to++;
    if (to == text.len && to > from) to--;
    *ret_left = text;
    *ret_right = (ov_str){0};
    *ret_op = FILTER_EXISTS;
    if (from == 0 || to == from) return;
    *ret_left = ov_str_sub(text, 0, from);
    *ret_right = ov_str_sub(text, to, text.len);
    *ret_op = filter_op(ov_str_sub(text, from, to));
}

/* The place of the parenthesis that ends a filter: the first one that is not inside its one quoted text. */
static size_t filter_end(const path_parser *p, size_t from)
{
    char quote = '\0';
    bool closed = false;
    for (size_t i = from; i < p->text.len && p->text.ptr[i] != '\n'; i++) {
        char c = p->text.ptr[i];
        if ((c == '"' || c == '\'') && !quote)
            quote = c;
        else if (quote && c == quote && p->text.ptr[i - 1] != '\\')
            closed = true;
        else if (c == ')' && (quote != '\0') == closed)
            return i;
    }
    return p->text.len;
}

static ov_status parse_filter(path_parser *p, jsonpath_list *out)
{
    size_t from = p->at + 3, end = filter_end(p, from);
    if (end == p->text.len) return ov_fail(p->err, OV_INVALID, "unterminated filter");
    if (end + 1 >= p->text.len || p->text.ptr[end + 1] != ']')
        return ov_fail(p->err, OV_INVALID, "unclosed array, expected ]");
    jsonpath_node n = {.type = NODE_FILTER};
    ov_str left, right;
    split_filter(ov_str_sub(p->text, from, end), &left, &right, &n.op);
    ov_status s = parse_action(left, p->nesting + 1, add_list(&n), p->err);
    jsonpath_list *right_list = add_list(&n);
    if (s == OV_OK && n.op != FILTER_EXISTS) s = parse_action(right, p->nesting + 1, right_list, p->err);
    if (s == OV_OK)
        add_node(out, n);
    else
        node_clear(&n);
    p->at = end + 2;
    return s;
}

static ov_status parse_recursive(path_parser *p, jsonpath_list *out)
{
    if (out->count > 0 && out->nodes[out->count - 1].type == NODE_RECURSIVE)
        return ov_fail(p->err, OV_INVALID, "invalid multiple recursive descent");
    p->at += 2;
    add_node(out, (jsonpath_node){.type = NODE_RECURSIVE});
    return !at_end(p) && is_word(current(p)) ? parse_field(p, out) : OV_OK;
}

static ov_status parse_step(path_parser *p, jsonpath_list *out)
{
    if (looking_at(p, OV_STR("[?("))) return parse_filter(p, out);
    if (looking_at(p, OV_STR(".."))) return parse_recursive(p, out);
    char c = current(p);
    switch (c) {
    case '\r':
    case '\n':
        return ov_fail(p->err, OV_INVALID, "unclosed action");
    case ' ':
    case '@': /* the current object: where evaluation stands anyway */
    case '$':
        p->at++;
        return OV_OK;
    case '[':
        return parse_brackets(p, out);
    case '"':
    case '\'':
        return parse_quote(p, out);
    case '.':
        p->at++;
        return parse_field(p, out);
    default:
        if (c == '+' || c == '-' || is_digit(c)) return parse_number(p, out);
        if (is_word(c)) return parse_identifier(p, out);
        return ov_fail(p->err, OV_INVALID, "unrecognized character '%c'", c);
    }
}

static ov_status parse_action(ov_str text, unsigned nesting, jsonpath_list *out, ov_err *err)
{
    path_parser p = {.text = text, .nesting = nesting, .err = err};
    if (nesting > JSONPATH_NESTING_MAX) return ov_fail(err, OV_INVALID, "nested deeper than %d", JSONPATH_NESTING_MAX);
    while (!at_end(&p)) {
        ov_status s = parse_step(&p, out);
        if (s != OV_OK) return s;
    }
    return OV_OK;
}

/* x.y, .x.y, {x.y} and {.x.y} all mean {.x.y}. */
static ov_status strip_braces(ov_str text, ov_str *ret, ov_err *err)
{
    if (text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}') text = ov_str_sub(text, 1, text.len - 1);
    bool braces = ov_str_find(text, '{', 0) < text.len || ov_str_find(text, '}', 0) < text.len;
    if (text.len == 0 || braces) return ov_fail(err, OV_INVALID, "expected 'a.b', '.a.b', '{a.b}' or '{.a.b}'");
    *ret = text.len > 1 && text.ptr[0] == '.' ? ov_str_sub(text, 1, text.len) : text;
    return OV_OK;
}

static ov_status parse_whole(ov_str text, jsonpath *path, ov_err *err)
{
    path_parser p = {.err = err};
    ov_str inside;
    if (text.len > JSONPATH_TEXT_MAX) return ov_fail(err, OV_INVALID, "longer than %d bytes", JSONPATH_TEXT_MAX);
    if (memchr(text.ptr, '\0', text.len)) return ov_fail(err, OV_INVALID, "holds a NUL");
    ov_status s = strip_braces(text, &inside, err);
    return s == OV_OK ? parse_wrapped(&p, ".", inside, "", &path->root) : s;
}

ov_status jsonpath_compile(ov_str text, jsonpath **ret, ov_err *err)
{
    OV_CLEANUP(jsonpath_free_p) jsonpath *path = ov_zalloc(sizeof *path);
    ov_err why = {0};
    if (text.len > 0 && parse_whole(text, path, &why) != OV_OK)
        return ov_fail(err, OV_INVALID, "jsonpath \"%.*s\": %s", text.len < 120 ? (int)text.len : 120, text.ptr,
                       why.msg);
    *ret = OV_TAKE(path);
    return OV_OK;
}

void jsonpath_free(jsonpath *p)
{
    if (!p) return;
    list_clear(&p->root);
    free(p);
}

void jsonpath_free_p(jsonpath **p)
{
    jsonpath_free(*p);
}
