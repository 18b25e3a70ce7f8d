/* Reads files of credentials whole, and compares what the file system says of them. */
#include "services/fetcher/credentials_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/poison.h"

enum { PATH_SHOWN_MAX = 100 };

static void close_p(int *fd)
{
    if (*fd >= 0) close(*fd);
}

static credentials_stamp stamp_of(const struct stat *st)
{
    return (credentials_stamp){.device = st->st_dev, .inode = st->st_ino, .size = st->st_size, .changed = st->st_mtim};
}

static bool stamp_equal(const credentials_stamp *a, const credentials_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static ov_status read_all(int fd, ov_buf *out, ov_err *err)
{
    for (;;) {
        size_t before = out->len, room = out->max - before;
        if (room == 0) return ov_fail(err, OV_INVALID, "expected at most %d bytes", CREDENTIALS_FILE_MAX);
        char *place = ov_buf_extend(out, room);
        ssize_t n = read(fd, place, room);
        out->len = before + (n > 0 ? (size_t)n : 0);
        if (n < 0 && errno != EINTR) return ov_fail(err, OV_INVALID, "%s", strerror(errno));
        if (n == 0) return OV_OK;
    }
}

/* The stamp is taken before the bytes: a change in between is seen the next time. */
static ov_status read_file(credentials_file *f, ov_buf *out, ov_err *err)
{
    struct stat st;
    /* Not blocking: a pipe put in a file's place must not stop a worker. */
    OV_CLEANUP(close_p) int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) return ov_fail(err, OV_INVALID, "%s", strerror(errno));
    f->read = stamp_of(&st);
    if (!S_ISREG(st.st_mode)) return ov_fail(err, OV_INVALID, "expected a regular file");
    return read_all(fd, out, err);
}

static ov_status load(credentials_file *f, ov_err *err)
{
    OV_CLEANUP(ov_secret_buf_clear) ov_buf text = ov_secret_buf(CREDENTIALS_FILE_MAX + 1);
    credential_list list = {0};
    ov_status status = read_file(f, &text, err);
    if (status == OV_OK) status = f->parse(ov_buf_str(&text), &list, err);
    if (status == OV_OK) {
        credential_list_clear(&f->list);
        f->list = list;
        if (list.default_ignored)
            ov_log_warn("default is left out: credentials go to the machines that are named", "file", f->path);
        return OV_OK;
    }
    credential_list_clear(&list);
    return status;
}

ov_status credentials_file_open(credentials_file *f, const char *setting, const char *path,
                                ov_status (*parse)(ov_str, credential_list *, ov_err *), ov_err *err)
{
    *f = (credentials_file){.setting = setting, .path = ov_dup(ov_str_of(path)), .parse = parse};
    ov_err why = {0};
    ov_status status = load(f, &why);
    if (status == OV_OK) return OV_OK;
    credentials_file_clear(f);
    return ov_fail(err, status, "%s: \"%.*s\": %s", setting, PATH_SHOWN_MAX, path, why.msg);
}

static void tell_kept(const credentials_file *f, const char *reason)
{
    ov_log_warn("credentials are kept as they were read before", "setting", f->setting, "file", f->path, "reason",
                reason);
}

void credentials_file_refresh(credentials_file *f)
{
    struct stat st;
    ov_err err = {0};
    if (!f->path) return;
    if (stat(f->path, &st) != 0) {
        if (!f->absent) tell_kept(f, strerror(errno));
        f->absent = true;
        return;
    }
    credentials_stamp now = stamp_of(&st);
    if (!f->absent && stamp_equal(&now, &f->read)) return;
    f->absent = false;
    if (load(f, &err) != OV_OK) {
        f->read = now; /* told once, even when it cannot be opened */
        tell_kept(f, err.msg);
        return;
    }
    ov_log_info("credentials read again", "setting", f->setting, "file", f->path);
}

void credentials_file_clear(credentials_file *f)
{
    credential_list_clear(&f->list);
    free(f->path);
    *f = (credentials_file){0};
}
