// Signs ES256: each line of input is a JWT's header and payload, each of output the whole token.
// Argument: a PEM file with the private key. For benchmarks/handshakes, which needs thousands.

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *what) {
    fprintf(stderr, "sign: %s\n", what);
    exit(1);
}

/// The two numbers of a DER signature side by side, as a JWT has them.
static void flatten(const unsigned char *der, size_t count, unsigned char raw[64]) {
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &der, (long)count);
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, 32) != 32 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + 32, 32) != 32) fail("a signature of another size");
    ECDSA_SIG_free(signature);
}

int main(int count, char **arguments) {
    FILE *file = count == 2 ? fopen(arguments[1], "r") : NULL;
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!key || !context) fail("usage: sign PEM");
    char line[2048];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        unsigned char der[128], raw[64], text[128];
        size_t length = sizeof der;
        if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1 ||
            EVP_DigestSign(context, der, &length, (const unsigned char *)line, strlen(line)) != 1) fail("cannot sign");
        flatten(der, length, raw);
        EVP_EncodeBlock(text, raw, sizeof raw);
        for (unsigned char *at = text; *at; at++) *at = *at == '+' ? '-' : *at == '/' ? '_' : *at == '=' ? 0 : *at;
        printf("%s.%s\n", line, text);
    }
    return 0;
}
