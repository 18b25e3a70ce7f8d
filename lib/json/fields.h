/* Decodes an object by a table of its members: types, required ones, duplicates, and a path in every error. */
#ifndef OV_JSON_FIELDS_H
#define OV_JSON_FIELDS_H

#include "json/reader.h"

typedef enum {
    OV_FIELD_STRING, /* ov_str: a view into the document, or into the arena when it held escapes */
    OV_FIELD_I64,    /* int64_t */
    OV_FIELD_BOOL,   /* bool */
    OV_FIELD_RAW,    /* ov_str: the value's exact bytes, any type, checked to be JSON */
    OV_FIELD_OBJECT, /* ov_str: as RAW, but must be an object */
    OV_FIELD_ARRAY   /* ov_str: as RAW, but must be an array */
} ov_field_type;

typedef struct {
    const char *name;
    ov_field_type type;
    bool required; /* absent or null is an error; otherwise null counts as absent and the target stays untouched */
    size_t offset; /* of the target in the struct */
} ov_field;

/* Texts of strings that held escapes, freed together. Zero is empty. */
typedef struct ov_json_arena {
    struct ov_json_arena_block *blocks;
} ov_json_arena;
void ov_json_arena_clear(ov_json_arena *a);
/* A copy that lives as long as the arena. */
ov_str ov_json_arena_copy(ov_json_arena *a, ov_str s);

/* Reads one object (the reader stands before it) into *target. Members that the table does not know are skipped,
 * however often they come; one that it knows is refused when it stands twice. count is at most 64. path is the object's
 * name in errors: "report: version" gives "report: version.count: missing", "report: version.count: \"x\": expected an
 * integer"; behind a path that ends in a space no dot is written
 * ("report: " gives "report: agentId: missing"). OV_INVALID. */
OV_MUST_CHECK ov_status ov_json_fields(ov_json_reader *r, const ov_field *fields, size_t count, void *target,
                                       ov_json_arena *arena, const char *path, ov_err *err);

/* As above for a text that is exactly one object. */
OV_MUST_CHECK ov_status ov_json_fields_of(ov_str text, const ov_field *fields, size_t count, void *target,
                                          ov_json_arena *arena, const char *path, ov_err *err);

/* Walks the elements of an array that ov_json_fields gave as raw bytes. Start with ov_json_reader_init and
 * ov_json_array_begin; then each ov_json_array_next leaves the reader before an element until it gives false. */
OV_MUST_CHECK ov_status ov_json_array_begin(ov_json_reader *r, const char *path, ov_err *err);
OV_MUST_CHECK ov_status ov_json_array_next(ov_json_reader *r, bool *ret_more, const char *path, ov_err *err);
/* One string element as text (see OV_FIELD_STRING). */
OV_MUST_CHECK ov_status ov_json_string(ov_json_reader *r, ov_str *ret, ov_json_arena *arena, const char *path,
                                       ov_err *err);

/* The same for the members of an object with free names (tags): gives the name and leaves the reader before the value.
 */
OV_MUST_CHECK ov_status ov_json_object_begin(ov_json_reader *r, const char *path, ov_err *err);
OV_MUST_CHECK ov_status ov_json_object_next(ov_json_reader *r, bool *ret_more, ov_str *ret_name, ov_json_arena *arena,
                                            const char *path, ov_err *err);

#endif
