/* Practices 12, 20 and 22: what listens, who it is, and whether it shares files. */
#include "audit/audit.h"

#include <stdio.h>
#include <string.h>

#define NAMED_MOST 6

/* Old services whose words anybody can read, or that nobody should be offered from outside. */
static const struct {
    uint16_t port;
    const char *name;
} plain[] = {{23, "telnet"},  {79, "finger"}, {512, "rexec"},  {513, "rlogin"},
             {514, "rsh"},    {6000, "X11"},  {7, "echo"},     {9, "discard"},
             {13, "daytime"}, {17, "quote"},  {19, "chargen"}, {37, "time"}};

static const struct {
    uint16_t port;
    const char *name;
} sharing[] = {{20, "FTP"},          {21, "FTP"},      {69, "TFTP"},        {111, "portmapper"},
               {135, "Windows RPC"}, {137, "NetBIOS"}, {138, "NetBIOS"},    {139, "SMB"},
               {427, "SLP"},         {445, "SMB"},     {548, "AFP"},        {873, "rsync"},
               {2049, "NFS"},        {3260, "iSCSI"},  {4045, "NFS lockd"}, {20048, "NFS mountd"},
               {24007, "GlusterFS"}};

static const char *plain_name(uint16_t port)
{
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (plain[i].port == port)
            return plain[i].name;
    return NULL;
}

static const char *sharing_name(uint16_t port)
{
    for (size_t i = 0; i < sizeof sharing / sizeof *sharing; i++)
        if (sharing[i].port == port)
            return sharing[i].name;
    return NULL;
}

/* How to end a service: its unit if it has one, else its process. */
static void fix_of(char fix[AUDIT_FIX_MAX], const struct listener *listener)
{
    if (listener->unit[0] != '\0')
        snprintf(fix, AUDIT_FIX_MAX, "systemctl disable --now %s", listener->unit);
    else if (listener->pid > 0)
        snprintf(fix, AUDIT_FIX_MAX, "kill %d", listener->pid);
    else
        snprintf(fix, AUDIT_FIX_MAX, "ss -lnp 'sport = :%u'", listener->local.port);
}

static bool seen_before(const struct listeners *listeners, uint32_t index)
{
    const struct listener *listener = &listeners->items[index];

    for (uint32_t i = 0; i < index; i++)
        if (listeners->items[i].local.port == listener->local.port &&
            listeners->items[i].udp == listener->udp && listeners->items[i].pid == listener->pid &&
            listener_is_open(&listeners->items[i]) == listener_is_open(listener))
            return true;
    return false;
}

void practice_services(const struct audit_world *world, struct audit_row *row)
{
    const struct listeners *listeners = &world->listeners;
    char text[LISTENER_TEXT_MAX], fix[AUDIT_FIX_MAX];
    unsigned open = 0, undeclared = 0, local = 0;

    for (uint32_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];
        const char *old = plain_name(listener->local.port);

        if (seen_before(listeners, i))
            continue;
        if (!listener_is_open(listener)) {
            local++;
            continue;
        }
        open++;
        fix_of(fix, listener);
        if (old)
            audit_find(row, AUDIT_FAIL, fix, "%s is %s", listener_text(text, listener), old);
        else if (!audit_is_declared(world, listener->local.port) && ++undeclared <= NAMED_MOST)
            audit_find(row, AUDIT_WARN, fix, "%s is not declared", listener_text(text, listener));
    }
    if (undeclared > NAMED_MOST)
        audit_find(row, AUDIT_WARN, NULL, "and %u more that are not declared",
                   undeclared - NAMED_MOST);
    audit_find(row, AUDIT_PASS, NULL, "%u sockets are open to others, %u only to this host", open,
               local);
}

void practice_ports(const struct audit_world *world, struct audit_row *row)
{
    const struct listeners *listeners = &world->listeners;
    unsigned privileged = 0, others = 0, nameless = 0;
    char text[LISTENER_TEXT_MAX];

    for (uint32_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];

        if (seen_before(listeners, i))
            continue;
        *(listener->local.port < 1024 ? &privileged : &others) += 1;
        if (listener->pid > 0 || listener->local.port == 0)
            continue;
        if (world->is_root && ++nameless <= NAMED_MOST)
            audit_find(row, AUDIT_WARN, "handfast audit ports --scan",
                       "%s belongs to no process that can be seen", listener_text(text, listener));
    }
    audit_find(row, AUDIT_PASS, NULL,
               "%u privileged and %u other ports listen; handfast audit ports --scan compares them "
               "with what answers",
               privileged, others);
    if (!world->is_root)
        audit_find(row, AUDIT_UNSEEN, NULL, "whose they are takes root to see");
}

void practice_sharing(const struct audit_world *world, struct audit_row *row)
{
    const struct listeners *listeners = &world->listeners;
    char text[LISTENER_TEXT_MAX], fix[AUDIT_FIX_MAX];
    unsigned shared = 0;

    for (uint32_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->items[i];
        const char *name = sharing_name(listener->local.port);

        if (!name || !listener_is_open(listener) || seen_before(listeners, i))
            continue;
        shared++;
        fix_of(fix, listener);
        if (audit_is_declared(world, listener->local.port))
            audit_find(row, AUDIT_WARN, NULL, "%s shares files (%s), as declared",
                       listener_text(text, listener), name);
        else
            audit_find(row, AUDIT_FAIL, fix, "%s shares files (%s)", listener_text(text, listener),
                       name);
    }
    if (shared == 0)
        audit_find(row, AUDIT_PASS, NULL, "nothing that shares files is open to others");
}
