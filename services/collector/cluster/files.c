/* Looks at a folder once a second and gives what its dumps hold: trackers of all changed files, then their objects. */
#include "services/collector/cluster/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "services/collector/cluster/file.h"

#include "base/poison.h"

typedef struct {
    char *dir;
    ov_metric *errors;
    ov_map by_name;     /* -> dump_file */
    dump_file **sorted; /* by name, so that the same files give the same bytes */
    size_t count, cap;
    bool taken[CLUSTER_SECTIONS_MAX];
    bool was_scanned, wants_reread, gave_all;
    ov_mono next_look;
    ov_err problem; /* of the folder itself; empty: none */
    int folder;     /* open during a step; -1 */
    cluster_sink sink;
    void *arg;
} files;

/* Where a section's events go. */
typedef struct {
    cluster_sink sink;
    void *arg;
    unsigned section;
} receiver;

/* ---- the folder ---- */

static bool take_section(files *f, unsigned *ret)
{
    for (unsigned i = 0; i < CLUSTER_SECTIONS_MAX; i++) {
        if (f->taken[i]) continue;
        f->taken[i] = true;
        *ret = i;
        return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    const dump_file *const *x = a, *const *y = b;
    return ov_str_cmp(ov_str_of((*x)->name), ov_str_of((*y)->name));
}

static dump_file *file_find(files *f, const char *name)
{
    unsigned section;
    dump_file *file = ov_map_get(&f->by_name, ov_str_of(name));
    if (file || !take_section(f, &section)) return file;
    file = dump_file_new(name, section);
    ov_map_put(&f->by_name, ov_str_of(name), file);
    ov_grow(&f->sorted, &f->cap, f->count + 1, sizeof *f->sorted);
    f->sorted[f->count++] = file;
    return file;
}

static void report_problem(files *f, const char *text)
{
    ov_log_error("cluster could not be read", "err", text);
    if (f->errors) ov_metric_add(f->errors, NULL, 1);
}

/* The folder's own problem, told once for as long as it lasts. */
static ov_status fail_folder(files *f, const ov_err *why)
{
    if (!ov_str_eq(ov_str_of(why->msg), ov_str_of(f->problem.msg))) report_problem(f, why->msg);
    f->problem = *why;
    return OV_FAILED;
}

static ov_status open_folder(const char *dir, int *ret, ov_err *err)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return ov_fail(err, OV_INVALID, "cluster.files: \"%.128s\": %s", dir, strerror(errno));
    *ret = fd;
    return OV_OK;
}

static void note_entry(files *f, const char *name, bool *ret_full)
{
    struct stat st;
    if (!dump_file_is_wanted(name) || fstatat(f->folder, name, &st, 0) < 0 || !S_ISREG(st.st_mode)) return;
    dump_file *file = file_find(f, name);
    if (!file) {
        *ret_full = true;
        return;
    }
    file->present = true;
    dump_file_note(file, &st);
}

static ov_status scan(files *f)
{
    ov_err why = {0};
    bool full = false;
    int copy = fcntl(f->folder, F_DUPFD_CLOEXEC, 0);
    DIR *entries = copy < 0 ? NULL : fdopendir(copy);
    if (!entries) {
        ov_fail(&why, OV_FAILED, "cluster.files: \"%.128s\": %s", f->dir, strerror(errno));
        if (copy >= 0) close(copy);
        return fail_folder(f, &why);
    }
    for (size_t i = 0; i < f->count; i++) f->sorted[i]->present = false;
    for (const struct dirent *e; (e = readdir(entries));) note_entry(f, e->d_name, &full);
    closedir(entries);
    if (f->count > 0) qsort(f->sorted, f->count, sizeof(dump_file *), by_name);
    f->was_scanned = true;
    if (full) {
        ov_fail(&why, OV_FAILED, "cluster.files: \"%.128s\": more than %d dumps: the others are not read", f->dir,
                CLUSTER_SECTIONS_MAX);
        return fail_folder(f, &why);
    }
    f->problem = (ov_err){0};
    return OV_OK;
}

/* ---- giving ---- */

static void tell(const receiver *to, cluster_event_type type)
{
    to->sink(to->arg, &(cluster_event){.type = type, .section = to->section});
}

static void give_object(void *arg, const dump_object *o)
{
    const receiver *to = arg;
    to->sink(to->arg, &(cluster_event){.type = CLUSTER_OBJECT,
                                       .section = to->section,
                                       .kind = o->kind,
                                       .ns = o->ns,
                                       .name = o->name,
                                       .json = o->json});
}

static void load_due(files *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        dump_file *file = f->sorted[i];
        ov_err err = {0};
        bool news;
        if (!file->present || !file->due) continue;
        if (dump_file_load(file, f->folder, &news, &err) != OV_OK) {
            if (news) report_problem(f, err.msg);
            continue;
        }
        kept += file->content.bytes;
        if (kept <= FILES_KEPT_MAX || file->content.trackers > 0) continue;
        kept -= file->content.bytes;
        dump_file_unload(file);
        file->due = true;
    }
}

/* A file that waits for its second reading was found to be whole, and holds objects alone. */
static bool is_given(const dump_file *file)
{
    return file->present && (file->loaded || (file->due && file->problem.msg[0] == '\0'));
}

static void give_trackers(files *f, receiver to)
{
    for (size_t i = 0; i < f->count; i++) {
        dump_file *file = f->sorted[i];
        to.section = file->section;
        if (is_given(file) || !file->present) tell(&to, CLUSTER_SNAPSHOT);
        if (file->loaded) dump_each(&file->content, DUMP_TRACKERS, give_object, &to);
    }
}

/* Gives a file's objects; false when its second reading failed: what it held stands, and the next look tries again. */
static bool give_objects(files *f, dump_file *file, receiver *to)
{
    ov_err err = {0};
    bool news, had_trackers = file->loaded && file->content.trackers > 0;
    if (!file->loaded && dump_file_load(file, f->folder, &news, &err) != OV_OK) {
        if (news) report_problem(f, err.msg);
        return false;
    }
    bool is_other = file->content.trackers > 0 && !had_trackers; /* written between its two readings */
    if (!is_other) dump_each(&file->content, DUMP_OBJECTS, give_object, to);
    dump_file_unload(file);
    file->due = is_other;
    return !is_other;
}

/* A section is ready only when all are given: an object that moved from one file to another was never gone. */
static void give(files *f, receiver to)
{
    give_trackers(f, to);
    OV_CLEANUP(ov_free_p) bool *ready = ov_calloc(f->count + 1, sizeof *ready);
    for (size_t i = 0; i < f->count; i++) {
        to.section = f->sorted[i]->section;
        ready[i] = !f->sorted[i]->present || (is_given(f->sorted[i]) && give_objects(f, f->sorted[i], &to));
    }
    f->gave_all = true;
    for (size_t i = 0; i < f->count; i++) {
        to.section = f->sorted[i]->section;
        f->gave_all &= ready[i];
        if (ready[i]) tell(&to, CLUSTER_READY);
    }
}

static void drop_absent(files *f)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        dump_file *file = f->sorted[i];
        if (file->present) {
            f->sorted[kept++] = file;
            continue;
        }
        f->taken[file->section] = false;
        ov_map_remove(&f->by_name, ov_str_of(file->name));
        dump_file_free(file);
    }
    f->count = kept;
}

static bool has_work(const files *f)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->sorted[i]->due || !f->sorted[i]->present) return true;
    return false;
}

static ov_status summary(const files *f, ov_err *err)
{
    if (f->problem.msg[0]) return ov_fail(err, OV_FAILED, "%s", f->problem.msg);
    for (size_t i = 0; i < f->count; i++)
        if (f->sorted[i]->problem.msg[0]) return ov_fail(err, OV_FAILED, "%s", f->sorted[i]->problem.msg);
    return OV_OK;
}

/* ---- the interface ---- */

static void look(files *f, receiver to)
{
    ov_err why = {0};
    if (open_folder(f->dir, &f->folder, &why) != OV_OK) {
        (void)fail_folder(f, &why);
        return;
    }
    if (scan(f) == OV_OK || f->was_scanned) {
        for (size_t i = 0; f->wants_reread && i < f->count; i++) f->sorted[i]->due |= !f->sorted[i]->problem.msg[0];
        f->wants_reread = false;
        if (has_work(f)) {
            load_due(f);
            give(f, to);
            drop_absent(f);
        }
    }
    close(f->folder);
    f->folder = -1;
}

static ov_status files_step(void *self, ov_mono now, ov_mono *ret_next, ov_err *err)
{
    files *f = self;
    if (!f->was_scanned || f->wants_reread || now.ms >= f->next_look.ms) {
        look(f, (receiver){f->sink, f->arg, 0});
        f->next_look = ov_mono_after(now, FILES_CHECK_MS);
    }
    *ret_next = f->next_look;
    return summary(f, err);
}

/* Dumps are read whole. */
static void files_want(void *self, const cluster_kind_id *kinds, size_t count)
{
    (void)self, (void)kinds, (void)count;
}

/* A dump holds objects of all kinds: all are given. */
static void files_reread(void *self, ov_str kind)
{
    files *f = self;
    (void)kind;
    if (!f->gave_all) f->wants_reread = true;
}

static bool files_is_complete(const void *self)
{
    const files *f = self;
    for (size_t i = 0; i < f->count; i++)
        if (!f->sorted[i]->was_read) return false;
    return f->was_scanned;
}

static void files_free(void *self)
{
    files *f = self;
    for (size_t i = 0; i < f->count; i++) dump_file_free(f->sorted[i]);
    ov_map_clear(&f->by_name);
    free(f->sorted);
    free(f->dir);
    free(f);
}

ov_status files_open(const char *dir, ov_metric *errors, cluster_sink sink, void *arg, cluster *ret, ov_err *err)
{
    int fd = -1;
    ov_status st = open_folder(dir, &fd, err);
    if (st != OV_OK) return st;
    close(fd);
    files *f = ov_zalloc(sizeof *f);
    f->dir = ov_dup(ov_str_of(dir));
    f->errors = errors;
    f->folder = -1;
    f->sink = sink;
    f->arg = arg;
    *ret = (cluster){f, files_step, files_want, files_reread, files_is_complete, files_free};
    return OV_OK;
}
