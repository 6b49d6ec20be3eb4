/* Long answers as a command reads them: nobody says anything, then a line comes in two pieces. */
#include "unit/os/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <handfast/handfast.h>

#include "control/client.h"

/* A signal that came just before the wait must not be forgotten until something is said: `handfast capture` on a quiet link. */
static void a_patient_one_looks_up(void **state)
{
    char directory[] = "/tmp/hf-stream-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct control_stream_in *in = NULL;
    json_t *request = json_pack("{s:s}", "command", "capture"), *line = NULL;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", directory);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(control_follow(address.sun_path, request, &in), HF_OK);
    int guard = accept(listener, NULL, NULL);
    char asked[64];

    assert_true(recv(guard, asked, sizeof asked, 0) > 0);
    assert_int_equal(control_next(in, &line, true), HF_AGAIN);
    assert_int_equal(send(guard, "{\"a\":", 5, MSG_NOSIGNAL), 5);
    assert_int_equal(control_next(in, &line, true), HF_AGAIN);
    assert_int_equal(send(guard, "1}\n", 3, MSG_NOSIGNAL), 3);
    assert_int_equal(control_next(in, &line, true), HF_OK);
    assert_int_equal(json_integer_value(json_object_get(line, "a")), 1);
    close(guard);
    json_decref(line);
    assert_int_equal(control_next(in, &line, true), HF_CLOSING);

    control_unfollow(in);
    json_decref(request);
    close(listener);
    unlink(address.sun_path);
    rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_patient_one_looks_up)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
