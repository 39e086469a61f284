// What Tokens needs of OpenSSL to make public keys and checks of them. Header only; nothing here keeps a
// pointer of the caller's.
#pragma once
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum tokens_kind { tokens_other, tokens_rsa, tokens_p256, tokens_p384, tokens_ed25519 };

// A curve that is spelled out instead of named has no group name, and is none of ours.
static inline int tokens_kind_of(const EVP_PKEY *key) {
    char group[32];
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA: return tokens_rsa;
        case EVP_PKEY_ED25519: return tokens_ed25519;
        case EVP_PKEY_EC:
            if (EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1) return tokens_other;
            if (!strcmp(group, SN_X9_62_prime256v1)) return tokens_p256;
            return strcmp(group, SN_secp384r1) ? tokens_other : tokens_p384;
        default: return tokens_other;
    }
}

// ROCA (CVE-2017-15361): modulo each of these primes such a modulus is a power of 65537. Of others one in 2^27 is.
static inline int tokens_rsa_is_roca(const EVP_PKEY *key) {
    static const unsigned char primes[] = {11, 13, 17, 19, 37,  53,  61,  71, 73,
                                           79, 97, 103, 107, 109, 127, 151, 157};
    BIGNUM *modulus = NULL;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) != 1) return 0;
    int found = 1;
    for (size_t at = 0; found && at < sizeof primes; at++) {
        unsigned prime = primes[at], rest = (unsigned)BN_mod_word(modulus, prime), power = 1;
        do power = power * 65537 % prime;
        while (power != rest && power != 1);
        found = power == rest;
    }
    BN_free(modulus);
    return found;
}

static inline EVP_PKEY *tokens_key_from(const char *type, OSSL_PARAM_BLD *builder) {
    EVP_PKEY *key = NULL;
    OSSL_PARAM *parts = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (parts && context && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parts);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parts);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static inline EVP_PKEY *tokens_rsa_key(
    const unsigned char *n, int n_count, const unsigned char *e, int e_count) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    BIGNUM *modulus = BN_bin2bn(n, n_count, NULL), *exponent = BN_bin2bn(e, e_count, NULL);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
    EVP_PKEY *key = tokens_key_from("RSA", builder);
    BN_free(modulus);
    BN_free(exponent);
    return key;
}

// OpenSSL refuses a point that is not on the curve.
static inline EVP_PKEY *tokens_ec_key(int kind, const unsigned char *point, size_t count) {
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(
        builder, OSSL_PKEY_PARAM_GROUP_NAME,
        kind == tokens_p256 ? SN_X9_62_prime256v1 : SN_secp384r1, 0);
    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, count);
    return tokens_key_from("EC", builder);
}

// One block of a PEM text: what it is, and its public key where it has one.
enum tokens_pem { tokens_pem_end, tokens_pem_key, tokens_pem_certificate, tokens_pem_private, tokens_pem_bad };

static inline int tokens_next_pem(BIO *text, EVP_PKEY **key) {
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long count = 0;
    *key = NULL;
    ERR_clear_error();
    if (PEM_read_bio(text, &name, &header, &data, &count) != 1) {
        int ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
        ERR_clear_error();
        return ended ? tokens_pem_end : tokens_pem_bad;
    }
    const unsigned char *at = data;
    int found = tokens_pem_bad;
    if (!strcmp(name, PEM_STRING_PUBLIC)) {
        *key = d2i_PUBKEY(NULL, &at, count);
        if (*key) found = tokens_pem_key;
    } else if (!strcmp(name, PEM_STRING_RSA_PUBLIC)) {
        *key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &at, count);
        if (*key) found = tokens_pem_key;
    } else if (!strcmp(name, PEM_STRING_X509)) {
        X509 *certificate = d2i_X509(NULL, &at, count);
        if (certificate) *key = X509_get_pubkey(certificate);
        X509_free(certificate);
        if (*key) found = tokens_pem_certificate;
    } else if (strstr(name, "PRIVATE KEY")) {
        found = tokens_pem_private;
    }
    // The data of a private key does not stay in memory.
    OPENSSL_clear_free(data, (size_t)count);
    OPENSSL_free(name);
    OPENSSL_free(header);
    ERR_clear_error();
    return found;
}

// Checks signatures of digests; NULL for Ed25519, which signs the text itself.
static inline EVP_PKEY_CTX *tokens_checker(EVP_PKEY *key, const EVP_MD *digest, int is_pss) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    int good = context && EVP_PKEY_verify_init(context) == 1;
    if (good && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
        good = EVP_PKEY_CTX_set_rsa_padding(
                   context, is_pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1;
    good = good && EVP_PKEY_CTX_set_signature_md(context, digest) == 1;
    if (good && is_pss)
        good = EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
    if (good) return context;
    EVP_PKEY_CTX_free(context);
    return NULL;
}
