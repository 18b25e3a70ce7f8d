/* Reads small files whole and turns YAML into JSON, in memory that is zeroed afterwards. */
#include "services/collector/kube/document.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "json/reader.h"
#include "yaml/yaml.h"

#include "base/poison.h"

static void close_p(int *fd)
{
    if (*fd >= 0) close(*fd);
}

static ov_status fail_errno(ov_err *err)
{
    return ov_fail(err, errno == ENOENT || errno == ENOTDIR ? OV_NOT_FOUND : OV_FAILED, "%s", strerror(errno));
}

ov_status kube_file_read(const char *path, ov_buf *out, ov_err *err)
{
    struct stat st;
    /* Not blocking: a pipe put in a file's place must not stop the loop. */
    OV_CLEANUP(close_p) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) return fail_errno(err);
    if (!S_ISREG(st.st_mode)) return ov_fail(err, OV_FAILED, "expected a regular file");
    for (;;) {
        size_t before = out->len, room = out->max - before;
        char *place = ov_buf_extend(out, room);
        if (!place || room == 0) return ov_fail(err, OV_FAILED, "expected a file of at most %d bytes", KUBE_FILE_MAX);
        ssize_t n = read(fd, place, room);
        out->len = before + (n > 0 ? (size_t)n : 0);
        if (n < 0 && errno != EINTR) return fail_errno(err);
        if (n == 0) return OV_OK;
    }
}

/* JSON is nearly YAML; where it is not (a tab, an escaped slash), JSON is what was meant. */
static bool is_json(ov_str text)
{
    ov_json_reader r;
    ov_json_token end;
    ov_str raw, trimmed = ov_str_trim(text);
    if (!ov_str_starts(trimmed, OV_STR("{"))) return false;
    ov_json_reader_init(&r, text);
    return ov_json_skip(&r, &raw, NULL) == OV_OK && ov_json_next(&r, &end, NULL) == OV_OK;
}

ov_status kube_document_json(ov_str text, ov_buf *out, ov_err *err)
{
    const ov_str byte_order_mark = OV_STR("\xEF\xBB\xBF");
    if (ov_str_starts(text, byte_order_mark)) text = ov_str_sub(text, byte_order_mark.len, text.len);
    if (is_json(text)) {
        ov_buf_append_str(out, ov_str_trim(text));
        return ov_buf_finish(out, "document", err);
    }
    OV_CLEANUP(ov_yaml_free_p) ov_yaml *y = ov_yaml_new_text(text, OV_YAML_EXPAND_ALIASES);
    size_t begin = out->len;
    bool more = true, found = false;
    while (more) {
        size_t at = out->len;
        ov_status st = ov_yaml_to_json(y, out, &more, err);
        if (st != OV_OK) return st;
        bool nothing = ov_str_eq(ov_str_sub(ov_buf_str(out), at, out->len), OV_STR("null"));
        if (nothing) out->len = at; /* between two "---" */
        if (more && !nothing && found) return ov_fail(err, OV_INVALID, "expected one document");
        found |= more && !nothing;
    }
    if (out->len == begin) ov_buf_append_c(out, "null");
    return ov_buf_finish(out, "document", err);
}
