// What Loop's streams need of OpenSSL: macros that Swift cannot see. Header only.
#pragma once
#include <openssl/ssl.h>

// One place for the modes: buffers are given back while idle, a write may take a part, and the
// retry of a write may come from another address.
static inline void streams_set_up(SSL_CTX *context) {
    SSL_CTX_set_mode(
        context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

// What strangers may choose from. A finite-field group of 8192 bits costs a thousand times as much as X25519, and RSA key
// exchange and CBC are kept by old clients only. 1 where OpenSSL has them all.
static inline int streams_set_modern(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    return SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

static inline int streams_set_sni(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}
