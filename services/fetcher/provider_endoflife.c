/* endoflife.date: the latest version of each of a product's cycles, and when the cycle's life ends.
 * https://endoflife.date/docs/api/v1/ (products/{product}) */
#include "base/mem.h"
#include "services/fetcher/json_page.h"
#include "services/fetcher/provider.h"
#include "base/poison.h"

enum { BODY_BYTES_MAX = 4 * 1024 * 1024, CYCLES_MAX = 10000, PIECE_BYTES = 16 * 1024 };

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    (void)o;
    ov_status status = provider_check_strategy(j, "cycles", NULL, err);
    if (status != OV_OK) return status;
    ov_str base = OV_STR("https://endoflife.date"), product = j->repo;
    for (size_t i = j->repo.len; i > 0 && product.len == j->repo.len; i--) {
        if (j->repo.ptr[i - 1] != '/') continue;
        base = ov_str_sub(j->repo, 0, i - 1);
        product = ov_str_sub(j->repo, i, j->repo.len);
    }
    if (!product.len) return ov_fail(err, OV_INVALID, "repo: expected a product of endoflife.date");
    ov_buf_append_str(out, base);
    ov_buf_append_c(out, "/api/v1/products/");
    provider_append_escaped(out, product);
    return OV_OK;
}

typedef struct {
    ov_str result, releases;
} product_text;

typedef struct {
    ov_str cycle, eol_from, latest, name, date;
    bool is_eol;
} cycle_text;

static const ov_field document_fields[] = {
    {"result", OV_FIELD_OBJECT, true, offsetof(product_text, result)},
};
static const ov_field product_fields[] = {
    {"releases", OV_FIELD_ARRAY, true, offsetof(product_text, releases)},
};
static const ov_field cycle_fields[] = {
    {"name", OV_FIELD_STRING, false, offsetof(cycle_text, cycle)},
    {"isEol", OV_FIELD_BOOL, false, offsetof(cycle_text, is_eol)},
    {"eolFrom", OV_FIELD_STRING, false, offsetof(cycle_text, eol_from)},
    {"latest", OV_FIELD_OBJECT, false, offsetof(cycle_text, latest)},
};
static const ov_field latest_fields[] = {
    {"name", OV_FIELD_STRING, false, offsetof(cycle_text, name)},
    {"date", OV_FIELD_STRING, false, offsetof(cycle_text, date)},
};

/* A cycle without a latest version has none yet, but an end. */
static ov_status read_cycle(provider_page *page, version_list *to, ov_json_reader *r, ov_err *err)
{
    cycle_text cycle = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    ov_status status = ov_json_fields(r, cycle_fields, OV_COUNT(cycle_fields), &cycle, &arena, "releases[]", err);
    if (status == OV_OK && cycle.latest.len)
        status = ov_json_fields_of(cycle.latest, latest_fields, OV_COUNT(latest_fields), &cycle, &arena,
                                   "releases[].latest", err);
    if (status != OV_OK) return status;
    int64_t eol_s = provider_date_s(cycle.eol_from);
    list_version version = {.version = cycle.name,
                            .date_s = provider_date_s(cycle.date),
                            .cycle = cycle.cycle,
                            .eol_s = eol_s > 0 ? eol_s : 0,
                            .is_eol = cycle.is_eol};
    version_lists_add(page->lists, to, &version);
    return OV_OK;
}

static ov_status read_cycles(provider_page *page, version_list *to, ov_str releases, ov_err *err)
{
    ov_json_reader r;
    bool more = true;
    ov_json_reader_init(&r, releases);
    ov_status status = ov_json_array_begin(&r, "releases", err);
    while (status == OV_OK) {
        status = ov_json_array_next(&r, &more, "releases", err);
        if (status != OV_OK || !more) return status;
        if (++page->items > CYCLES_MAX) return ov_fail(err, OV_INVALID, "releases: more than %d", CYCLES_MAX);
        status = read_cycle(page, to, &r, err);
    }
    return status;
}

static ov_status read_whole(provider_read read, void *arg, ov_buf *out, ov_err *err)
{
    OV_CLEANUP(ov_free_p) char *piece = ov_alloc(PIECE_BYTES);
    for (size_t len = 0;;) {
        ov_status status = read(arg, piece, PIECE_BYTES, &len, err);
        if (status != OV_OK) return status;
        if (len == 0) return ov_buf_finish(out, "the product", err);
        ov_buf_append(out, piece, len);
    }
}

static ov_status parse(provider_page *page, provider_read read, void *arg, ov_err *err)
{
    version_list *to;
    product_text product = {0};
    OV_CLEANUP(ov_json_arena_clear) ov_json_arena arena = {0};
    OV_CLEANUP(ov_buf_clear) ov_buf body = OV_BUF(BODY_BYTES_MAX);
    ov_status status = json_page_list(page, &to, err);
    if (status == OV_OK) status = read_whole(read, arg, &body, err);
    if (status == OV_OK)
        status =
            ov_json_fields_of(ov_buf_str(&body), document_fields, OV_COUNT(document_fields), &product, &arena, "", err);
    if (status == OV_OK)
        status = ov_json_fields_of(product.result, product_fields, OV_COUNT(product_fields), &product, &arena, "result",
                                   err);
    if (status != OV_OK) return status;
    to->present = true;
    return read_cycles(page, to, product.releases, err);
}

const provider provider_endoflife = {
    .name = "endoflife",
    .accept = "application/json",
    .media = "json",
    .first_url = first_url,
    .parse = parse,
};
