/* Cuts one huge JSON document that arrives in pieces into the elements of one array inside it. */
#ifndef OV_JSON_SPLITTER_H
#define OV_JSON_SPLITTER_H

#include "base/buf.h"
#include "base/status.h"

typedef struct ov_json_splitter ov_json_splitter;

/* Gets each element's bytes, valid during the call; any status but OV_OK ends the splitting with it. */
typedef ov_status (*ov_json_element)(void *arg, ov_str element, ov_err *err);

/* member names the array at the top ("items", null counts as empty); NULL or "" means that the document itself is the
 * array. Each element is checked to be JSON; what stands around the array is at most 1 MiB. Only one element (at most
 * element_max bytes) is held at a time. */
ov_json_splitter *ov_json_splitter_new(const char *member, size_t element_max, ov_json_element on_element, void *arg);
void ov_json_splitter_free(ov_json_splitter *s);
OV_MUST_CHECK ov_status ov_json_splitter_feed(ov_json_splitter *s, ov_str piece, ov_err *err);
/* After the last piece: OV_INVALID when the document was cut off or the array was not there. */
OV_MUST_CHECK ov_status ov_json_splitter_finish(ov_json_splitter *s, ov_err *err);
/* After a good finish: the document with [] in place of the array; valid until the splitter is freed. */
ov_str ov_json_splitter_around(const ov_json_splitter *s);

#endif
