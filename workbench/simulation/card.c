/*
 * A disk that loses what was not synced: a VFS around SQLite's own, for the simulator and for nothing that is shipped.
 *
 * The files are real and show what the operating system's cache would show. Beside each of them stands its durable image, and the
 * writes since its last sync. When the power is cut, each of those writes survives whole, in some of its sectors, or not at all, as
 * the seed says; of what happened to names since the last sync of a folder a beginning survives, as in a journal.
 * One thread at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CARDS 64
#define PATH 512
#define ROOT 400
#define SECTOR 512

typedef struct Op {
    struct Op *next;
    sqlite3_int64 at; /* where the write begins; for a truncation the new size */
    int bytes;        /* -1 for a truncation */
    int doomed;       /* a sync has failed meanwhile: the kernel holds it for written, and it is not */
    unsigned char data[];
} Op;

typedef struct File {
    struct File *next;
    char path[PATH];
    unsigned char *durable;
    sqlite3_int64 size;
    Op *first, *last;
    int synced_folder; /* whether its first sync has to carry its name too, as SQLite's own VFS does for logs */
} File;

enum Kind { CREATED, REMOVED, RENAMED, FOLDER };

typedef struct Name {
    struct Name *next;
    enum Kind kind;
    char old[PATH], new[PATH];
} Name;

typedef struct Card {
    int used;
    char root[ROOT];
    File *files;
    Name *first_name, *last_name;
    int dead, full, kept;
    sqlite3_int64 ops, cut_at;     /* the operation at which the power goes; 0 for none */
    sqlite3_int64 syncs, fail_at;  /* the sync that fails; 0 for none */
    int fail_for;                  /* how many syncs in a row fail */
    int hit_full, hit_fail;
} Card;

typedef struct Handle {
    sqlite3_file base;
    Card *card;
    char path[PATH];
    sqlite3_file *real; /* behind this struct */
} Handle;

static Card cards[CARDS];
static sqlite3_vfs *under;
static sqlite3_vfs vfs;
static uint64_t state;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 2685821657736338717ULL;
}

/* --- files and their durable images --- */

static int starts(const char *path, const char *root)
{
    size_t length = strlen(root);
    return strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static Card *card_of(const char *path)
{
    for (int i = 0; i < CARDS; i++)
        if (cards[i].used && starts(path, cards[i].root)) return &cards[i];
    return NULL;
}

static File *find(Card *card, const char *path)
{
    for (File *file = card->files; file; file = file->next)
        if (strcmp(file->path, path) == 0) return file;
    return NULL;
}

static unsigned char *slurp(const char *path, sqlite3_int64 *size)
{
    struct stat about;
    unsigned char *data = NULL;
    *size = 0;
    int fd = open(path, O_RDONLY);
    if (fd < 0) return NULL;
    if (fstat(fd, &about) == 0 && about.st_size > 0) {
        data = malloc(about.st_size);
        ssize_t got = 0, now;
        while (got < about.st_size && (now = read(fd, data + got, about.st_size - got)) > 0) got += now;
        *size = got;
    }
    close(fd);
    return data;
}

static void drop_ops(File *file)
{
    for (Op *op = file->first, *next; op; op = next) {
        next = op->next;
        free(op);
    }
    file->first = file->last = NULL;
}

static void forget(Card *card, const char *path)
{
    for (File **place = &card->files; *place; place = &(*place)->next) {
        File *file = *place;
        if (strcmp(file->path, path)) continue;
        *place = file->next;
        drop_ops(file);
        free(file->durable);
        free(file);
        return;
    }
}

static void moved(Card *card, const char *old, const char *new)
{
    forget(card, new);
    File *file = find(card, old);
    if (file) snprintf(file->path, PATH, "%s", new);
}

static File *known(Card *card, const char *path, int fresh)
{
    File *file = find(card, path);
    if (file) return file;
    file = calloc(1, sizeof *file);
    snprintf(file->path, PATH, "%s", path);
    if (!fresh) file->durable = slurp(path, &file->size); /* what was there before the power came on is there */
    file->next = card->files;
    card->files = file;
    return file;
}

static void note(Card *card, enum Kind kind, const char *old, const char *new)
{
    Name *name = calloc(1, sizeof *name);
    name->kind = kind;
    snprintf(name->old, PATH, "%s", old);
    snprintf(name->new, PATH, "%s", new ? new : "");
    if (card->last_name) card->last_name->next = name;
    else card->first_name = name;
    card->last_name = name;
}

static int within(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && path[length] == '/' && !strchr(path + length + 1, '/');
}

static void drop_name(Card *card)
{
    Name *name = card->first_name;
    card->first_name = name->next;
    if (!card->first_name) card->last_name = NULL;
    if (name->kind == REMOVED) unlink(name->new);
    free(name);
}

static void sync_folder(Card *card, const char *folder)
{
    int upto = 0, place = 0;
    for (Name *name = card->first_name; name; name = name->next) {
        place++;
        if (within(name->old, folder) || (name->kind == RENAMED && within(name->new, folder))) upto = place;
    }
    while (upto--) drop_name(card);
}

static void resize(File *file, sqlite3_int64 size)
{
    file->durable = realloc(file->durable, size > 0 ? size : 1);
    if (size > file->size) memset(file->durable + file->size, 0, size - file->size);
    file->size = size;
}

static void apply(File *file, Op *op, int from, int to)
{
    if (op->at + to > file->size) resize(file, op->at + to);
    memcpy(file->durable + op->at + from, op->data + from, to - from);
}

static void keep(File *file)
{
    for (Op *op = file->first; op; op = op->next) {
        if (op->doomed) continue;
        if (op->bytes < 0) resize(file, op->at);
        else apply(file, op, 0, op->bytes);
    }
    drop_ops(file);
}

/* Part of what was never synced: each write whole, torn between sectors, or not at all. */
static void tear(File *file)
{
    for (Op *op = file->first; op; op = op->next) {
        int fate = draw() % 10;
        if (op->doomed) continue;
        if (op->bytes < 0) {
            if (fate < 5) resize(file, op->at);
        } else if (fate < 4) {
            apply(file, op, 0, op->bytes);
        } else if (fate < 7) {
            for (int from = 0, to; from < op->bytes; from = to) {
                to = from + SECTOR - (op->at + from) % SECTOR;
                if (to > op->bytes) to = op->bytes;
                if (draw() & 1) apply(file, op, from, to);
            }
        }
    }
    drop_ops(file);
}

static void write_out(File *file)
{
    int fd = open(file->path, O_WRONLY | O_TRUNC);
    if (fd < 0) return;
    for (sqlite3_int64 done = 0; done < file->size;) {
        ssize_t now = write(fd, file->durable + done, file->size - done);
        if (now <= 0) break;
        done += now;
    }
    close(fd);
}

/* Counts one operation; true when there is no power for it any more. */
static int no_power(Card *card)
{
    if (!card) return 0;
    if (!card->dead && ++card->ops == card->cut_at) card->dead = 1;
    return card->dead;
}

/* --- the file's methods --- */

static int x_close(sqlite3_file *base)
{
    Handle *handle = (Handle *)base;
    int rc = handle->real->pMethods ? handle->real->pMethods->xClose(handle->real) : SQLITE_OK;
    return rc;
}

static int x_read(sqlite3_file *base, void *to, int bytes, sqlite3_int64 at)
{
    Handle *handle = (Handle *)base;
    if (handle->card->dead) return SQLITE_IOERR_READ;
    return handle->real->pMethods->xRead(handle->real, to, bytes, at);
}

static void queue(File *file, const void *data, int bytes, sqlite3_int64 at)
{
    Op *op = malloc(sizeof *op + (bytes > 0 ? bytes : 0));
    op->next = NULL;
    op->at = at;
    op->bytes = bytes;
    op->doomed = 0;
    if (bytes > 0) memcpy(op->data, data, bytes);
    if (file->last) file->last->next = op;
    else file->first = op;
    file->last = op;
}

static int x_write(sqlite3_file *base, const void *from, int bytes, sqlite3_int64 at)
{
    Handle *handle = (Handle *)base;
    Card *card = handle->card;
    sqlite3_int64 size = 0;
    if (no_power(card)) return SQLITE_IOERR_WRITE;
    if (card->full) {
        handle->real->pMethods->xFileSize(handle->real, &size);
        if (at + bytes > size) {
            card->hit_full++;
            return SQLITE_FULL;
        }
    }
    File *file = known(card, handle->path, 0);
    int rc = handle->real->pMethods->xWrite(handle->real, from, bytes, at);
    if (rc == SQLITE_OK) queue(file, from, bytes, at);
    return rc;
}

static int x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    Handle *handle = (Handle *)base;
    if (no_power(handle->card)) return SQLITE_IOERR_TRUNCATE;
    File *file = known(handle->card, handle->path, 0);
    int rc = handle->real->pMethods->xTruncate(handle->real, size);
    if (rc == SQLITE_OK) queue(file, NULL, -1, size);
    return rc;
}

static int x_sync(sqlite3_file *base, int flags)
{
    Handle *handle = (Handle *)base;
    Card *card = handle->card;
    (void)flags;
    if (no_power(card)) return SQLITE_IOERR_FSYNC;
    File *file = known(card, handle->path, 0);
    card->syncs++;
    if (card->fail_at && card->syncs >= card->fail_at && card->syncs < card->fail_at + card->fail_for) {
        card->hit_fail++;
        for (Op *op = file->first; op; op = op->next) op->doomed = 1;
        return SQLITE_IOERR_FSYNC;
    }
    keep(file);
    if (file->synced_folder) {
        char folder[PATH];
        snprintf(folder, PATH, "%s", handle->path);
        *strrchr(folder, '/') = 0;
        sync_folder(card, folder);
        file->synced_folder = 0;
    }
    return SQLITE_OK;
}

static int x_size(sqlite3_file *base, sqlite3_int64 *size)
{
    Handle *handle = (Handle *)base;
    if (handle->card->dead) return SQLITE_IOERR_FSTAT;
    return handle->real->pMethods->xFileSize(handle->real, size);
}

static int x_lock(sqlite3_file *base, int level)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xLock(handle->real, level);
}

static int x_unlock(sqlite3_file *base, int level)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xUnlock(handle->real, level);
}

static int x_check(sqlite3_file *base, int *held)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xCheckReservedLock(handle->real, held);
}

static int x_control(sqlite3_file *base, int op, void *argument)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xFileControl(handle->real, op, argument);
}

static int x_sector(sqlite3_file *base)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xSectorSize(handle->real);
}

static int x_device(sqlite3_file *base)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xDeviceCharacteristics(handle->real);
}

static int x_map(sqlite3_file *base, int page, int size, int extend, void volatile **to)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xShmMap(handle->real, page, size, extend, to);
}

static int x_shm_lock(sqlite3_file *base, int at, int count, int flags)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xShmLock(handle->real, at, count, flags);
}

static void x_barrier(sqlite3_file *base)
{
    Handle *handle = (Handle *)base;
    handle->real->pMethods->xShmBarrier(handle->real);
}

static int x_unmap(sqlite3_file *base, int drop)
{
    Handle *handle = (Handle *)base;
    return handle->real->pMethods->xShmUnmap(handle->real, drop);
}

static const sqlite3_io_methods methods = {
    2,         x_close,  x_read,   x_write,   x_truncate, x_sync, x_size,   x_lock,     x_unlock,
    x_check,   x_control, x_sector, x_device, x_map,      x_shm_lock, x_barrier, x_unmap, NULL, NULL,
};

/* --- the VFS's methods --- */

static int x_open(sqlite3_vfs *self, const char *path, sqlite3_file *base, int flags, int *granted)
{
    Handle *handle = (Handle *)base;
    Card *card = path ? card_of(path) : NULL;
    (void)self;
    if (!card) return under->xOpen(under, path, base, flags, granted); /* not ours: its methods become the real ones */
    memset(handle, 0, sizeof *handle);
    handle->real = (sqlite3_file *)(handle + 1);
    handle->real->pMethods = NULL;
    handle->card = card;
    snprintf(handle->path, PATH, "%s", path);
    if (card->dead) return SQLITE_CANTOPEN;
    int fresh = access(path, F_OK) != 0;
    if (fresh && card->full && (flags & SQLITE_OPEN_CREATE)) {
        card->hit_full++;
        return SQLITE_CANTOPEN;
    }
    int rc = under->xOpen(under, path, handle->real, flags, granted);
    if (rc != SQLITE_OK) return rc;
    if (fresh) {
        forget(card, path);
        File *file = known(card, path, 1);
        file->synced_folder = (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL | SQLITE_OPEN_SUPER_JOURNAL)) != 0;
        note(card, CREATED, path, NULL);
    } else {
        known(card, path, 0);
    }
    handle->base.pMethods = &methods;
    return SQLITE_OK;
}

static int removed(Card *card, const char *path)
{
    char kept[PATH];
    snprintf(kept, PATH, "%s.gone/%d", card->root, card->kept++);
    if (rename(path, kept)) return -1;
    moved(card, path, kept);
    note(card, REMOVED, path, kept);
    return 0;
}

static int x_delete(sqlite3_vfs *self, const char *path, int sync_too)
{
    Card *card = card_of(path);
    (void)self;
    if (!card) return under->xDelete(under, path, sync_too);
    if (no_power(card)) return SQLITE_IOERR_DELETE;
    if (access(path, F_OK)) return SQLITE_IOERR_DELETE_NOENT;
    if (removed(card, path)) return SQLITE_IOERR_DELETE;
    if (sync_too) {
        char folder[PATH];
        snprintf(folder, PATH, "%s", path);
        *strrchr(folder, '/') = 0;
        sync_folder(card, folder);
    }
    return SQLITE_OK;
}

/* --- what Python asks for --- */

int card_register(void)
{
    if (under) return SQLITE_OK;
    under = sqlite3_vfs_find(NULL);
    vfs = *under;
    vfs.zName = "vidhuk-card";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(Handle) + under->szOsFile;
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    return sqlite3_vfs_register(&vfs, 0);
}

/* A card in the folder `root`; the number it is called by, or -1. Removed files wait beside it in `root`.gone. */
int card_insert(const char *root)
{
    for (int i = 0; i < CARDS; i++) {
        if (cards[i].used) continue;
        memset(&cards[i], 0, sizeof cards[i]);
        cards[i].used = 1;
        snprintf(cards[i].root, ROOT, "%s", root);
        char gone[PATH];
        snprintf(gone, PATH, "%s.gone", cards[i].root);
        mkdir(gone, 0700);
        return i;
    }
    return -1;
}

static void wipe(Card *card)
{
    while (card->files) {
        File *file = card->files;
        card->files = file->next;
        drop_ops(file);
        free(file->durable);
        free(file);
    }
    while (card->first_name) drop_name(card);
}

void card_eject(int number)
{
    wipe(&cards[number]);
    cards[number].used = 0;
}

/* The power goes at the `after`-th operation from now on; 0 is now, less than 0 never. */
void card_cut(int number, sqlite3_int64 after)
{
    Card *card = &cards[number];
    card->cut_at = after > 0 ? card->ops + after : 0;
    if (after == 0) card->dead = 1;
}

/* `count` syncs fail from the `after`-th on; no count, none. */
void card_fail(int number, sqlite3_int64 after, int count)
{
    cards[number].fail_at = count ? cards[number].syncs + after : 0;
    cards[number].fail_for = count;
}

void card_fill(int number, int full) { cards[number].full = full; }
int card_dead(int number) { return cards[number].dead; }
int card_full_hits(int number) { return cards[number].hit_full; }
int card_fail_hits(int number) { return cards[number].hit_fail; }

/* A name changed by other means than SQLite. Called before it happens; true when there is no power for it. */
int card_rename(int number, const char *old, const char *new)
{
    if (no_power(&cards[number])) return 1;
    moved(&cards[number], old, new);
    note(&cards[number], RENAMED, old, new);
    return 0;
}

int card_folder(int number, const char *path)
{
    if (no_power(&cards[number])) return 1;
    note(&cards[number], FOLDER, path, NULL);
    return 0;
}

/* A file made by other means than SQLite: its name may be lost, its content is not looked after. */
int card_created(int number, const char *path)
{
    if (no_power(&cards[number])) return 1;
    note(&cards[number], CREATED, path, NULL);
    return 0;
}

/* A file removed by other means. A copy is kept for as long as it may come back. */
int card_remove(int number, const char *path)
{
    Card *card = &cards[number];
    char kept[PATH];
    if (no_power(card)) return 1;
    snprintf(kept, PATH, "%s.gone/%d", card->root, card->kept++);
    if (link(path, kept)) return 0; /* not there: the caller will hear of it */
    moved(card, path, kept);
    note(card, REMOVED, path, kept);
    return 0;
}

int card_sync_folder(int number, const char *path)
{
    if (no_power(&cards[number])) return 1;
    sync_folder(&cards[number], path);
    return 0;
}

/*
 * The power comes back after a cut (`lossy`) or the kernel has merely started anew, and had written everything down before. The
 * files must be closed. Afterwards the card is as good as new.
 */
void card_restart(int number, int lossy, uint64_t seed)
{
    Card *card = &cards[number];
    state = seed ? seed : 1;
    for (int i = 0; i < 8; i++) draw();
    for (File *file = card->files; file; file = file->next) {
        if (lossy) tear(file);
        else keep(file);
        if (lossy) write_out(file);
    }
    if (lossy) {
        int count = 0;
        for (Name *name = card->first_name; name; name = name->next) count++;
        int survive = count ? (int)(draw() % (count + 1)) : 0;
        while (survive--) drop_name(card);
        /* The rest is undone, the latest first. */
        while (card->first_name) {
            Name *last = card->first_name, *before = NULL;
            while (last->next) before = last, last = last->next;
            switch (last->kind) {
            case CREATED: unlink(last->old); break;
            case REMOVED: rename(last->new, last->old); break;
            case RENAMED: rename(last->new, last->old); break;
            case FOLDER: rmdir(last->old); break;
            }
            if (before) before->next = NULL;
            else card->first_name = NULL;
            card->last_name = before;
            free(last);
        }
    }
    wipe(card);
    card->dead = card->full = 0;
    card->cut_at = card->fail_at = 0;
}
