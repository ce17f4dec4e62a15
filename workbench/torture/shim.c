/*
 * A card that remembers in which order things happened to it, preloaded into a program that believes it writes to an ordinary folder.
 *
 * Every write, truncation, name and sync below TORTURE_ROOT is noted in TORTURE_JOURNAL after it was done, under one lock that all
 * processes share, so the journal's order is the order of events. Syncs reach no disk: what they would have made durable is worked
 * out from the journal (workbench/torture/card.py). TORTURE_CONTROL is a small shared file through which the harness counts calls
 * and has them fail; its layout is told to Python in workbench/torture/shim.py, and so is that of a journal's record.
 *
 * The same file sets the program's wall clock wrong and has the kernel vouch for it or not; TORTURE_BOOT_ID names a file that is read
 * in the place of the kernel's own name for this start of the machine.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, TRUNCATE, SYNC, SYNC_FAILED, SYNC_ALL, CREATE, UNLINK, RENAME, LINK, MKDIR, RMDIR, SYMLINK, MAP_SHARED_WRITABLE };

enum { VOUCHED = 1, DOUBTED };

struct rule { uint64_t from, count, number; };  /* calls from … from + count - 1 fail with errno `number`; from 0: none */

struct control {
    uint64_t syncs, writes;
    struct rule sync_rule, write_rule, open_rule;
    uint64_t failed;        /* calls that were made to fail */
    uint64_t real_syncs;    /* whether syncs also reach the disk */
    int64_t wall_shift;     /* seconds by which the wall clock is wrong */
    uint64_t vouched;       /* what the kernel says of the wall clock: as it is, VOUCHED or DOUBTED */
    uint64_t ready;
    pthread_mutex_t lock;
};

struct record { uint32_t kind, first_length, second_length, padding; uint64_t inode, offset; };

static struct control *control;
static int journal = -1;
static char root[PATH_MAX];
static size_t root_length;
static dev_t device;

#define REAL(name) ({ static __typeof__(&name) found; if (!found) found = (__typeof__(&name))dlsym(RTLD_NEXT, #name); found; })

static void die(const char *why) {
    static const char prefix[] = "torture shim: ";
    if (REAL(write)(2, prefix, sizeof prefix - 1) < 0 || REAL(write)(2, why, strlen(why)) < 0 || REAL(write)(2, "\n", 1) < 0) abort();
    abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("TORTURE_ROOT"), *to = getenv("TORTURE_JOURNAL"), *by = getenv("TORTURE_CONTROL");
    if (!where || !to || !by) return;
    struct stat about;
    if (!realpath(where, root) || stat(root, &about)) die("TORTURE_ROOT is no folder");
    root_length = strlen(root);
    device = about.st_dev;
    int low = REAL(open)(to, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (low < 0) die("TORTURE_JOURNAL cannot be opened");
    journal = fcntl(low, F_DUPFD_CLOEXEC, 800);
    REAL(close)(low);
    int shared = REAL(open)(by, O_RDWR | O_CLOEXEC);
    if (journal < 0 || shared < 0) die("TORTURE_CONTROL cannot be opened");
    flock(shared, LOCK_EX);
    control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0);
    if (control == MAP_FAILED) die("TORTURE_CONTROL cannot be mapped");
    if (!control->ready) {
        pthread_mutexattr_t kind;
        pthread_mutexattr_init(&kind);
        pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&control->lock, &kind);
        control->ready = 1;
    }
    flock(shared, LOCK_UN);
    REAL(close)(shared);
}

static void lock(void) {
    if (pthread_mutex_lock(&control->lock) == EOWNERDEAD) pthread_mutex_consistent(&control->lock);
}

static void unlock(void) {
    int kept = errno;
    pthread_mutex_unlock(&control->lock);
    errno = kept;
}

static void note(uint32_t kind, uint64_t inode, uint64_t offset, const void *first, size_t first_length, const char *second) {
    int kept = errno;
    struct record head = {kind, (uint32_t)first_length, second ? (uint32_t)strlen(second) : 0, 0, inode, offset};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)first, first_length}, {(void *)second, head.second_length}};
    size_t whole = sizeof head + first_length + head.second_length;
    if (REAL(writev)(journal, parts, 3) != (ssize_t)whole) die("the journal takes no more");
    errno = kept;
}

/* Whether call number `call` is to fail; then errno says how. */
static int fails(const struct rule *rule, uint64_t call) {
    if (!rule->from || call < rule->from || call - rule->from >= rule->count) return 0;
    control->failed++;
    errno = (int)rule->number;
    return 1;
}

static int below_root(const char *path) {
    return !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* The whole name of `path` as seen from `folder`; 0 if it is not below the root. The last part is not followed. */
static int whole_name(int folder, const char *path, char *name) {
    char start[PATH_MAX], joined[2 * PATH_MAX], parent[PATH_MAX];
    if (!control) return 0;
    if (path[0] == '/') {
        snprintf(joined, sizeof joined, "%s", path);
    } else {
        if (folder == AT_FDCWD) {
            if (!getcwd(start, sizeof start)) return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t length = readlink(link, start, sizeof start - 1);
            if (length < 0) return 0;
            start[length] = 0;
        }
        snprintf(joined, sizeof joined, "%s/%s", start, path);
    }
    size_t length = strlen(joined);
    while (length > 1 && joined[length - 1] == '/') joined[--length] = 0;
    char *slash = strrchr(joined, '/');
    if (!slash || slash == joined) return 0;
    *slash = 0;
    int kept = errno;
    char *found = realpath(joined, parent);
    errno = kept;
    if (!found) return 0;
    if (snprintf(name, PATH_MAX, "%s/%s", parent, slash + 1) >= PATH_MAX) die("a name is too long");
    return below_root(name);
}

/* The inode of an open file or folder below the root, or 0. */
static uint64_t inode_of(int descriptor) {
    if (!control || descriptor == journal) return 0;
    int kept = errno;
    struct stat about;
    uint64_t inode = 0;
    if (!fstat(descriptor, &about) && about.st_dev == device && (S_ISREG(about.st_mode) || S_ISDIR(about.st_mode))) {
        char link[64], name[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t length = readlink(link, name, sizeof name - 1);
        if (length > 0) {
            name[length] = 0;
            if (below_root(name)) inode = about.st_ino;
        }
    }
    errno = kept;
    return inode;
}

/* --- opening --- */

static int opened(int folder, const char *path, int flags, mode_t mode) {
    char name[PATH_MAX];
    const char *boot = control ? getenv("TORTURE_BOOT_ID") : NULL;
    if (boot && !strcmp(path, "/proc/sys/kernel/random/boot_id")) path = boot;
    int writes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_ACCMODE) != O_RDONLY;
    if (!control || !writes || (flags & O_TMPFILE) == O_TMPFILE || !whole_name(folder, path, name))
        return REAL(openat)(folder, path, flags, mode);
    lock();
    struct stat about;
    int kept = errno, was_there = !lstat(name, &about), descriptor = -1;
    errno = kept;
    if (fails(&control->open_rule, 1)) {
        unlock();
        return -1;
    }
    descriptor = REAL(openat)(folder, path, flags, mode);
    if (descriptor >= 0 && !fstat(descriptor, &about) && S_ISREG(about.st_mode)) {
        if (!was_there) note(CREATE, about.st_ino, 0, name, strlen(name), NULL);
        else if (flags & O_TRUNC) note(TRUNCATE, about.st_ino, 0, NULL, 0, NULL);
    }
    unlock();
    return descriptor;
}

#define OPENING(folder, flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
    return opened(folder, path, flags, mode)

int open(const char *path, int flags, ...) { OPENING(AT_FDCWD, flags); }
int open64(const char *path, int flags, ...) { OPENING(AT_FDCWD, flags | O_LARGEFILE); }
int openat(int folder, const char *path, int flags, ...) { OPENING(folder, flags); }
int openat64(int folder, const char *path, int flags, ...) { OPENING(folder, flags | O_LARGEFILE); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

/* --- writing --- */

/* What was written is read back from the file, so that every way of writing is noted alike. */
static void note_written(int descriptor, uint64_t inode, off_t at, ssize_t length) {
    if (length <= 0) return;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    int kept = errno, reader = REAL(openat)(AT_FDCWD, name, O_RDONLY | O_CLOEXEC);
    char *copy = malloc((size_t)length);
    if (reader < 0 || !copy || pread(reader, copy, (size_t)length, at) != length) die("what was written cannot be read back");
    note(WRITE, inode, (uint64_t)at, copy, (size_t)length, NULL);
    free(copy);
    REAL(close)(reader);
    errno = kept;
}

#define WRITING(descriptor, call, at) \
    uint64_t inode = inode_of(descriptor); \
    if (!inode) return call; \
    lock(); \
    ssize_t done = fails(&control->write_rule, ++control->writes) ? -1 : call; \
    if (done > 0) note_written(descriptor, inode, at, done); \
    unlock(); \
    return done

#define HERE(descriptor) (lseek(descriptor, 0, SEEK_CUR) - done)

ssize_t write(int to, const void *data, size_t length) { WRITING(to, REAL(write)(to, data, length), HERE(to)); }
ssize_t writev(int to, const struct iovec *parts, int count) { WRITING(to, REAL(writev)(to, parts, count), HERE(to)); }
ssize_t pwrite(int to, const void *data, size_t length, off_t at) { WRITING(to, REAL(pwrite)(to, data, length, at), at); }
ssize_t pwrite64(int to, const void *data, size_t length, off64_t at) { WRITING(to, REAL(pwrite64)(to, data, length, at), at); }
ssize_t pwritev(int to, const struct iovec *parts, int count, off_t at) { WRITING(to, REAL(pwritev)(to, parts, count, at), at); }
ssize_t pwritev64(int to, const struct iovec *parts, int count, off64_t at) { WRITING(to, REAL(pwritev64)(to, parts, count, at), at); }
ssize_t sendfile(int to, int from, off_t *at, size_t length) { WRITING(to, REAL(sendfile)(to, from, at, length), HERE(to)); }
ssize_t sendfile64(int to, int from, off64_t *at, size_t length) { WRITING(to, REAL(sendfile64)(to, from, at, length), HERE(to)); }
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *into, size_t length, unsigned flags) {
    WRITING(to, REAL(copy_file_range)(from, at, to, into, length, flags), into ? *into - done : HERE(to));
}

#define TRUNCATING(call) \
    uint64_t inode = inode_of(descriptor); \
    if (!inode) return call; \
    lock(); \
    int done = fails(&control->write_rule, ++control->writes) ? -1 : call; \
    if (!done) note(TRUNCATE, inode, (uint64_t)length, NULL, 0, NULL); \
    unlock(); \
    return done

int ftruncate(int descriptor, off_t length) { TRUNCATING(REAL(ftruncate)(descriptor, length)); }
int ftruncate64(int descriptor, off64_t length) { TRUNCATING(REAL(ftruncate64)(descriptor, length)); }

/* Space taken in advance: the file grows by zeros. */
#define ALLOCATING(call, grows) \
    uint64_t inode = inode_of(descriptor); \
    if (!inode) return call; \
    lock(); \
    int done = call; \
    struct stat about; \
    if (!done && (grows) && !fstat(descriptor, &about)) note(TRUNCATE, inode, (uint64_t)about.st_size, NULL, 0, NULL); \
    unlock(); \
    return done

int posix_fallocate(int descriptor, off_t at, off_t length) { ALLOCATING(REAL(posix_fallocate)(descriptor, at, length), 1); }
int posix_fallocate64(int descriptor, off64_t at, off64_t length) { ALLOCATING(REAL(posix_fallocate64)(descriptor, at, length), 1); }
int fallocate(int descriptor, int mode, off_t at, off_t length) {
    if (mode & ~FALLOC_FL_KEEP_SIZE && inode_of(descriptor)) { errno = EOPNOTSUPP; return -1; }
    ALLOCATING(REAL(fallocate)(descriptor, mode, at, length), !mode);
}

void *mmap(void *wish, size_t length, int protection, int flags, int descriptor, off_t at) {
    if (control && descriptor >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE)) {
        uint64_t inode = inode_of(descriptor);
        if (inode) note(MAP_SHARED_WRITABLE, inode, (uint64_t)at, NULL, 0, NULL);
    }
    return REAL(mmap)(wish, length, protection, flags, descriptor, at);
}
void *mmap64(void *wish, size_t length, int protection, int flags, int descriptor, off64_t at) {
    return mmap(wish, length, protection, flags, descriptor, at);
}

/* --- syncing --- */

#define SYNCING(call) \
    uint64_t inode = inode_of(descriptor); \
    if (!inode) return call; \
    lock(); \
    int done = 0; \
    if (fails(&control->sync_rule, ++control->syncs)) done = -1; \
    else if (control->real_syncs) done = call; \
    note(done ? SYNC_FAILED : SYNC, inode, control->syncs, NULL, 0, NULL); \
    unlock(); \
    return done

int fsync(int descriptor) { SYNCING(REAL(fsync)(descriptor)); }
int fdatasync(int descriptor) { SYNCING(REAL(fdatasync)(descriptor)); }

void sync(void) {
    if (control) { lock(); note(SYNC_ALL, 0, 0, NULL, 0, NULL); unlock(); }
    else REAL(sync)();
}
int syncfs(int descriptor) {
    uint64_t inode = inode_of(descriptor);
    if (!inode) return REAL(syncfs)(descriptor);
    lock();
    note(SYNC_ALL, inode, 0, NULL, 0, NULL);
    unlock();
    return 0;
}

/* --- names --- */

#define NAMING(ours, call, noted) \
    if (!(ours)) return call; \
    lock(); \
    int done = fails(&control->open_rule, 1) ? -1 : call; \
    if (!done) { noted; } \
    unlock(); \
    return done

int unlinkat(int folder, const char *path, int flags) {
    char name[PATH_MAX];
    NAMING(whole_name(folder, path, name), REAL(unlinkat)(folder, path, flags),
           note(flags & AT_REMOVEDIR ? RMDIR : UNLINK, 0, 0, name, strlen(name), NULL));
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
    int done = unlinkat(AT_FDCWD, path, 0);
    return done && errno == EISDIR ? unlinkat(AT_FDCWD, path, AT_REMOVEDIR) : done;
}

int mkdirat(int folder, const char *path, mode_t mode) {
    char name[PATH_MAX];
    struct stat about = {0};
    NAMING(whole_name(folder, path, name), REAL(mkdirat)(folder, path, mode),
           lstat(name, &about); note(MKDIR, about.st_ino, 0, name, strlen(name), NULL));
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

static int renamed(int from, const char *old, int to, const char *fresh, unsigned flags) {
    char before[PATH_MAX], after[PATH_MAX];
    int leaves = whole_name(from, old, before), comes = whole_name(to, fresh, after);
    if (control && leaves != comes) die("a name crosses the root");
    if (leaves && flags) { errno = EINVAL; return -1; }
    NAMING(leaves, REAL(renameat2)(from, old, to, fresh, flags), note(RENAME, 0, 0, before, strlen(before), after));
}
int renameat2(int from, const char *old, int to, const char *fresh, unsigned flags) { return renamed(from, old, to, fresh, flags); }
int renameat(int from, const char *old, int to, const char *fresh) { return renamed(from, old, to, fresh, 0); }
int rename(const char *old, const char *fresh) { return renamed(AT_FDCWD, old, AT_FDCWD, fresh, 0); }

int linkat(int from, const char *old, int to, const char *fresh, int flags) {
    char before[PATH_MAX], after[PATH_MAX];
    int leaves = whole_name(from, old, before), comes = whole_name(to, fresh, after);
    if (control && leaves != comes) die("a link crosses the root");
    NAMING(leaves, REAL(linkat)(from, old, to, fresh, flags), note(LINK, 0, 0, before, strlen(before), after));
}
int link(const char *old, const char *fresh) { return linkat(AT_FDCWD, old, AT_FDCWD, fresh, 0); }

int symlinkat(const char *to, int folder, const char *path) {
    char name[PATH_MAX];
    NAMING(whole_name(folder, path, name), REAL(symlinkat)(to, folder, path), note(SYMLINK, 0, 0, name, strlen(name), to));
}
int symlink(const char *to, const char *path) { return symlinkat(to, AT_FDCWD, path); }

/* --- time --- */

int clock_gettime(clockid_t which, struct timespec *found) {
    int done = REAL(clock_gettime)(which, found);
    if (!done && control && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) found->tv_sec += control->wall_shift;
    return done;
}
int gettimeofday(struct timeval *restrict found, void *restrict zone) {
    int done = REAL(gettimeofday)(found, zone);
    if (!done && control) found->tv_sec += control->wall_shift;
    return done;
}
time_t time(time_t *found) {
    time_t now = REAL(time)(NULL) + (control ? control->wall_shift : 0);
    if (found) *found = now;
    return now;
}

int adjtimex(struct timex *about) {
    int state = REAL(adjtimex)(about);
    if (!control || !control->vouched) return state;
    about->status = control->vouched == VOUCHED ? about->status & ~STA_UNSYNC : about->status | STA_UNSYNC;
    return control->vouched == VOUCHED ? TIME_OK : TIME_ERROR;
}
