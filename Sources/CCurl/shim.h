// What Tokens needs of libcurl: setopt and getinfo are variadic, which Swift cannot call. Header only.
#pragma once
#include <curl/curl.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static inline int64_t fetch_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Whether keys may be fetched from there: https, or http from this machine. libcurl's own eyes look at
// the address, so that nobody can mean another host than the one that is checked.
static inline int fetch_is_allowed(const char *url, int allows_http) {
    CURLU *parsed = curl_url();
    char *scheme = NULL, *host = NULL;
    int allowed = 0;
    if (curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        int loopback = !strcmp(host, "127.0.0.1") || !strcmp(host, "[::1]") || !strcasecmp(host, "localhost");
        allowed = !strcmp(scheme, "https") || (!strcmp(scheme, "http") && (allows_http || loopback));
    }
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(parsed);
    return allowed;
}

typedef size_t (*fetch_taker)(char *bytes, size_t size, size_t count, void *context);

// One transfer. `authorities` is a PEM file, or NULL for the system's.
static inline CURL *fetch_new(
    const char *url, const char *authorities, int allows_http, long timeout_ms, long bytes_max,
    fetch_taker taker, void *context) {
    CURL *easy = curl_easy_init();
    if (!easy) return NULL;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https,http");
    // From https nobody is led to http, unless http is allowed anyway.
    curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, allows_http ? "https,http" : "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, 3L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, bytes_max);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "jobwire");
    if (authorities) curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, taker);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, context);
    return easy;
}

// What makes it a POST of these bytes, with these header lines, that is led nowhere else. The lines are the
// caller's, as long as the transfer lives.
static inline int fetch_post(CURL *easy, const void *body, long bytes, struct curl_slist *lines) {
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, bytes) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, lines) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
}

static inline int fetch_connections_max(CURLM *multi, long count) {
    return curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, count) == CURLM_OK;
}

static inline long fetch_status(CURL *easy) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

// The last answer's header; NULL when it has none. It lives as long as the transfer.
static inline const char *fetch_header(CURL *easy, const char *name) {
    struct curl_header *header = NULL;
    return curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

// A transfer that has ended, and how; NULL when none has.
static inline CURL *fetch_next_ended(CURLM *multi, CURLcode *result) {
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)))
        if (message->msg == CURLMSG_DONE) {
            *result = message->data.result;
            return message->easy_handle;
        }
    return NULL;
}
