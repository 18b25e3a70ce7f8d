/* Git: the tags of any repository by the smart HTTP protocol, version 2; servers that answer in an older one list all
 * references at once. https://git-scm.com/docs/protocol-v2, https://git-scm.com/docs/http-protocol */
#include <stdio.h>

#include "services/fetcher/pktline.h"
#include "services/fetcher/provider.h"
#include "base/poison.h"

#define ADVERTISEMENT "/info/refs?service=git-upload-pack"
#define TAGS "refs/tags/"

static const char ls_refs[] = "0014command=ls-refs\n0001"
                              "0009peel\n"
                              "001aref-prefix " TAGS "\n"
                              "0000";

static ov_status first_url(const provider_options *o, const job *j, ov_buf *out, ov_err *err)
{
    (void)o;
    ov_status status = provider_check_strategy(j, "tags", NULL, err);
    if (status != OV_OK) return status;
    if (!j->repo.len) return ov_fail(err, OV_INVALID, "repo: missing");
    ov_buf_append_str(out, j->repo);
    ov_buf_append_c(out, ADVERTISEMENT);
    return OV_OK;
}

static void request(unsigned number, provider_request *ret)
{
    ret->header = "Git-Protocol";
    ret->value = "version=2";
    if (number == 0) return;
    ret->method = "POST";
    ret->body = (ov_str){ls_refs, sizeof ls_refs - 1};
    ret->content_type = "application/x-git-upload-pack-request";
    ret->accept = "application/x-git-upload-pack-result";
}

/* ---- references */

static bool is_object_id(ov_str text)
{
    enum { SHA1_DIGITS = 40, SHA256_DIGITS = 64 };
    if (text.len != SHA1_DIGITS && text.len != SHA256_DIGITS) return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

/* "<id> <name>" with attributes behind a space (version 2) or a NUL (older ones, where a peeled tag is a line of its
 * own). */
static ov_status add_reference(provider_page *page, version_list *to, ov_str line, ov_err *err)
{
    ov_str id, tags = OV_STR(TAGS), rest = ov_str_sub(line, 0, ov_str_find(line, '\0', 0)), name;
    if (!ov_str_split(&rest, ' ', &id) || !is_object_id(id) || !ov_str_split(&rest, ' ', &name) || !name.len)
        return ov_fail(err, OV_INVALID, "git: expected a reference");
    page->items++;
    if (!ov_str_starts(name, tags) || ov_str_ends(name, OV_STR("^{}"))) return OV_OK;
    list_version version = {.version = ov_str_sub(name, tags.len, name.len)};
    version_lists_add(page->lists, to, &version);
    return OV_OK;
}

/* A list is whole when its flush came and nothing behind it. */
static ov_status read_end(pktline_reader *r, ov_err *err)
{
    pktline_type type;
    ov_str data;
    ov_status status = pktline_next(r, &type, &data, err);
    if (status == OV_OK && type != PKTLINE_END) status = ov_fail(err, OV_INVALID, "git: more behind the list");
    return status;
}

static ov_status read_references(provider_page *page, pktline_reader *r, pktline_type type, ov_str line, ov_err *err)
{
    version_list *to = version_lists_find(page->lists, (ov_str){0});
    if (!to) return ov_fail(err, OV_INVALID, "the job names lists that a git repository does not have");
    to->present = true;
    ov_status status = OV_OK;
    while (status == OV_OK && type == PKTLINE_DATA) {
        status = add_reference(page, to, line, err);
        if (status == OV_OK) status = pktline_next(r, &type, &line, err);
    }
    if (status != OV_OK) return status;
    if (type != PKTLINE_FLUSH) return ov_fail(err, OV_INVALID, "git: the list of references is cut off");
    return read_end(r, err);
}

/* ---- the two pages */

static ov_status read_capabilities(pktline_reader *r, ov_err *err)
{
    bool lists = false;
    pktline_type type;
    ov_str line;
    for (;;) {
        ov_status status = pktline_next(r, &type, &line, err);
        if (status != OV_OK) return status;
        if (type != PKTLINE_DATA) break;
        lists = lists || ov_str_eq(line, OV_STR("ls-refs")) || ov_str_starts(line, OV_STR("ls-refs="));
    }
    if (type != PKTLINE_FLUSH) return ov_fail(err, OV_INVALID, "git: the server's capabilities are cut off");
    if (!lists) return ov_fail(err, OV_INVALID, "git: the server does not list references");
    return read_end(r, err);
}

/* "# service=git-upload-pack" and a flush may stand before all. */
static ov_status read_advertisement(provider_page *page, pktline_reader *r, ov_err *err)
{
    pktline_type type;
    ov_str line = {0};
    ov_status status = pktline_next(r, &type, &line, err);
    if (status == OV_OK && type == PKTLINE_DATA && ov_str_eq(line, OV_STR("# service=git-upload-pack"))) {
        status = pktline_next(r, &type, &line, err);
        if (status == OV_OK && type == PKTLINE_FLUSH) status = pktline_next(r, &type, &line, err);
    }
    if (status == OV_OK && type != PKTLINE_DATA) status = ov_fail(err, OV_INVALID, "git: no such service here");
    if (status != OV_OK) return status;
    if (ov_str_eq(line, OV_STR("version 2"))) return read_capabilities(r, err);
    if (ov_str_eq(line, OV_STR("version 1"))) status = pktline_next(r, &type, &line, err);
    return status == OV_OK ? read_references(page, r, type, line, err) : status;
}

static ov_status read_list(provider_page *page, pktline_reader *r, ov_err *err)
{
    pktline_type type;
    ov_str line = {0};
    ov_status status = pktline_next(r, &type, &line, err);
    return status == OV_OK ? read_references(page, r, type, line, err) : status;
}

static ov_status parse(provider_page *page, provider_read read, void *arg, ov_err *err)
{
    OV_CLEANUP(pktline_clear) pktline_reader r;
    pktline_init(&r, read, arg);
    return page->number == 0 ? read_advertisement(page, &r, err) : read_list(page, &r, err);
}

/* An advertisement of version 2 has no references: they are asked for where it came from, as a redirect may have led
 * elsewhere (https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpfollowRedirects). */
static bool next(const provider_page *page, char *out, size_t size)
{
    if (page->number > 0 || page->lists->lists[0].present) return false;
    ov_str end = OV_STR(ADVERTISEMENT), url = ov_str_of(page->answer->final_url);
    if (!ov_str_ends(url, end)) url = ov_str_of(page->first_url);
    int n = snprintf(out, size, "%.*s/git-upload-pack", OV_STR_ARG(ov_str_sub(url, 0, url.len - end.len)));
    return n > 0 && (size_t)n < size;
}

const provider provider_git = {
    .name = "git",
    .accept = "*/*",
    .media = "git-upload-pack",
    .first_url = first_url,
    .request = request,
    .parse = parse,
    .next = next,
};
