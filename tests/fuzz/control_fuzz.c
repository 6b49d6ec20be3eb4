/* Fuzzer of a request to the control socket: any line, as words or as JSON, and what commands read from it. A request that was
 * understood is printed and understood again as the same. */
#include <stdlib.h>

#include "base/must.h"
#include "control/filter_text.h"
#include "control/request.h"
#include "fuzz/input.h"

static void check_again(const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_t *again;

    must(text && !strchr(text, '\n'));
    again = request_parse(text, strlen(text));
    must(again && json_equal(request, again));
    json_decref(again);
    free(text);
}

static void check_filter(const json_t *request)
{
    char error[FILTER_ERROR_MAX];
    struct relay_view view = {0};
    struct filter filter;

    memset(error, 'x', sizeof error);
    if (!filter_of_request(&filter, request, 0, error)) {
        must(memchr(error, '\0', sizeof error) && error[0] != '\0');
        return;
    }
    must(memchr(filter.service, '\0', sizeof filter.service));
    must(memchr(filter.state, '\0', sizeof filter.state));
    filter_takes_address(&filter, &filter.from.address);
    (void)view;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *request = request_parse((const char *)data, size);
    int64_t us;

    if (!request)
        return 0;
    must(json_is_string(json_object_get(request, "command")));
    check_again(request);
    check_filter(request);
    for (size_t i = 0; i < request_words(request); i++) {
        const char *word = request_word(request, i);

        if (word && duration_parse(word, &us))
            must(us >= 0 && us <= INT64_C(3650) * 86400 * 1000000);
    }
    json_decref(request);
    return 0;
}
