/* The lists that one look fills: versions by the list that they belong to, bounded, their text in one arena. */
#ifndef OPVIC_FETCHER_VERSIONS_H
#define OPVIC_FETCHER_VERSIONS_H

#include "base/map.h"
#include "proto/job.h"
#include "proto/list.h"

typedef struct {
    ov_str name;
    bool present; /* upstream has such a list, though perhaps an empty one */
    list_version *versions;
    size_t count, cap;
} version_list;

typedef struct {
    version_list *lists; /* as the job wants them */
    size_t count;
    bool truncated; /* pages were left out */
    ov_map by_name;
    ov_json_arena arena;
} version_lists;

/* The job's lists, empty; one without a name when it names none. The job must outlive them. */
void version_lists_init(version_lists *v, const job *j);
void version_lists_clear(version_lists *v);
/* Forgets the versions: the look begins anew. */
void version_lists_reset(version_lists *v);
/* The wanted list of that name, or NULL. */
version_list *version_lists_find(const version_lists *v, ov_str name);
/* Copies the text. Versions longer than LIST_VERSION_BYTES_MAX are left out, and empty ones but a cycle's; too long an
 * appVersion or cycle alone is. OV_INVALID above LIST_VERSIONS_MAX. */
OV_MUST_CHECK ov_status version_lists_add(version_lists *v, version_list *to, const list_version *version, ov_err *err);

#endif
