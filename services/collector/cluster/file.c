/* Reads one dump from disk when its stamp has changed. */
#include "services/collector/cluster/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "services/collector/cluster/files.h"

#include "base/poison.h"

/* Longer than any file system's tick: a write within it after the reading could leave the same stamp. */
enum { RACE_MS = 100, NAME_SHOWN_MAX = 80 };

static bool is_json(ov_str name)
{
    return ov_str_ends(name, OV_STR(".json"));
}

bool dump_file_is_wanted(const char *name)
{
    ov_str s = ov_str_of(name);
    if (ov_str_starts(s, OV_STR("."))) return false;
    return is_json(s) || ov_str_ends(s, OV_STR(".yaml")) || ov_str_ends(s, OV_STR(".yml"));
}

dump_file *dump_file_new(const char *name, unsigned section)
{
    dump_file *f = ov_zalloc(sizeof *f);
    f->name = ov_dup(ov_str_of(name));
    f->section = section;
    return f;
}

void dump_file_free(dump_file *f)
{
    if (!f) return;
    dump_clear(&f->content);
    free(f->name);
    free(f);
}

static dump_stamp stamp_of(const struct stat *st)
{
    return (dump_stamp){.device = (uint64_t)st->st_dev,
                        .inode = (uint64_t)st->st_ino,
                        .size = (int64_t)st->st_size,
                        .changed_s = (int64_t)st->st_mtim.tv_sec,
                        .changed_ns = (int64_t)st->st_mtim.tv_nsec};
}

static bool is_same(const dump_stamp *a, const dump_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->changed_s == b->changed_s &&
           a->changed_ns == b->changed_ns;
}

void dump_file_note(dump_file *f, const struct stat *st)
{
    dump_stamp now = stamp_of(st);
    if (f->racing || !is_same(&now, &f->stamp)) f->due = true;
}

static bool was_just_written(const dump_stamp *stamp)
{
    int64_t age_ms = ov_wall_now().ms - (stamp->changed_s * 1000 + stamp->changed_ns / 1000000);
    return age_ms >= 0 && age_ms < RACE_MS;
}

static void close_p(int *fd)
{
    if (*fd >= 0) close(*fd);
}

static ov_status read_all(int fd, char *out, size_t size, size_t *ret_len, ov_err *err)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, out + len, size - len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return ov_fail(err, OV_FAILED, "%s", strerror(errno));
        if (n == 0) break;
        len += (size_t)n;
    }
    *ret_len = len;
    return OV_OK;
}

static ov_status load(dump_file *f, int folder, ov_err *err)
{
    struct stat st;
    size_t len = 0;
    f->stamp = (dump_stamp){0};
    /* Not blocking: a pipe put in a file's place must not stop the loop. */
    OV_CLEANUP(close_p) int fd = openat(folder, f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) return ov_fail(err, OV_FAILED, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode)) return ov_fail(err, OV_FAILED, "expected a regular file");
    f->stamp = stamp_of(&st);
    f->racing = was_just_written(&f->stamp);
    if (st.st_size > FILES_BYTES_MAX)
        return ov_fail(err, OV_INVALID, "%lld bytes: expected at most %d", (long long)st.st_size, FILES_BYTES_MAX);
    OV_CLEANUP(ov_free_p) char *text = ov_alloc((size_t)st.st_size + 1);
    ov_status status = read_all(fd, text, (size_t)st.st_size, &len, err);
    if (status != OV_OK) return status;
    return dump_parse(is_json(ov_str_of(f->name)) ? DUMP_JSON : DUMP_YAML, (ov_str){text, len}, &f->content, err);
}

ov_status dump_file_load(dump_file *f, int folder, bool *ret_news, ov_err *err)
{
    ov_err why = {0};
    dump_stamp before = f->stamp;
    dump_file_unload(f);
    f->due = f->racing = false;
    if (load(f, folder, &why) == OV_OK) {
        f->loaded = f->was_read = true;
        f->problem = (ov_err){0};
        *ret_news = true;
        return OV_OK;
    }
    ov_fail(err, OV_FAILED, "%.*s: %s", NAME_SHOWN_MAX, f->name, why.msg);
    *ret_news = !is_same(&before, &f->stamp) || !ov_str_eq(ov_str_of(err->msg), ov_str_of(f->problem.msg));
    f->problem = *err;
    return OV_FAILED;
}

void dump_file_unload(dump_file *f)
{
    dump_clear(&f->content);
    f->loaded = false;
}
