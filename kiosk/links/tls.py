"""What the links share of TLS: a check of certificates without a clock, and what is wrong with one, in words."""

import ssl
from typing import Final

NO_CHECK_TIME: Final = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python's ssl does not name."""

CERTIFICATE_FAULTS: Final = {
    9: "the server's certificate is not valid yet by this device's clock: is the clock right?",
    10: "the server's certificate has expired, by this device's clock: is the clock right? Else the server needs a new one",
    **dict.fromkeys((7, 18, 19, 20, 21), "the server's certificate is not from this installation's CA"),
    62: "the server's certificate is not for the name {host}",
    64: "the server's certificate is not for the address {host}",
}
"""OpenSSL's X509_V_ERR_* (x509_vfy.h) in plain words."""
