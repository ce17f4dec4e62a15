"""A server's installation to measure on: keys, tables, a real broker with TLS, devices with certificates. Loopback only.

Django is configured once in a process, so there is one `Ground` a process.
"""

import os
import socket
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from wire.codec import decode_config
from wire.envelopes import Questionnaire
from wire.events import DeviceId, StreamId
from workbench.bench.harness import BenchTrouble
from workbench.installation import HOST, ROOT, free_ports
from workbench.processes import Child, Household

if TYPE_CHECKING:
    from sync_server.fleet.authority import Authority

PATIENCE_S: Final = 30.0
PAGE: Final = "https://vidhuk.example"
"""What the kiosks' QR code opens."""
ENROLLED: Final = datetime(2026, 1, 1, tzinfo=UTC)


class BenchDevice:
    """A device known to the server: its key, its stream, and where its certificate lies."""

    def __init__(self, name: str, key: Ed25519PrivateKey, certificate: Path, key_file: Path) -> None:
        self.name = DeviceId(name)
        self.key = key
        self.stream = StreamId(sha256(name.encode()).digest()[:16])
        self.certificate = certificate
        self.key_file = key_file


class Ground:
    """Everything below `folder`. `household` owns the processes."""

    authority: "Authority"
    questionnaire: Questionnaire

    def __init__(self, folder: Path, household: Household) -> None:
        self.folder = folder
        self.household = household
        ports = free_ports()
        self.port = ports["broker"]
        self.door_port = ports["door"]
        self.origin = f"http://{HOST}:{ports['web']}"
        self.config = folder / "server.toml"
        self.config.write_text(
            f'state_dir = "state"\n[web]\nlisten = "{HOST}:{ports["web"]}"\n[broker]\nlisten = "{HOST}:{self.port}"\n'
            f'[door]\nlisten = "{HOST}:{self.door_port}"\nnames = ["{HOST}"]\n'
            f'[public]\nurl = "{PAGE}"\n'
        )
        os.environ.pop("DATABASE_URL", None)
        os.environ["VIDHUK_SERVER_CONFIG"] = str(self.config)
        os.environ["DJANGO_SETTINGS_MODULE"] = "sync_server.project.settings"
        import django

        django.setup()
        from sync_server.project import config, setup
        from sync_server.surveys.selectors import current_questionnaire

        self.authority = setup.make_keys(config.read(self.config))
        setup.make_tables()
        released = current_questionnaire("exit")
        assert released is not None, "the shipped questionnaire was not released"
        self.questionnaire = released

    @property
    def database(self) -> Path:
        """The server's SQLite file."""
        from django.db import connection

        return Path(str(connection.settings_dict["NAME"]))

    def device(self, number: int) -> BenchDevice:
        """A device enrolled with this server, with a certificate of its own."""
        from sync_server.courts.services import register_device

        name = f"bench-kiosk-{number}"
        key = Ed25519PrivateKey.generate()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, None)
        pem = request.public_bytes(serialization.Encoding.PEM).decode()
        certificate, public_key = self.authority.certify_device(pem, name, datetime.now(UTC))
        register_device(name=name, public_key=public_key, enrolled_at=ENROLLED)
        files = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        return BenchDevice(name, key, *files)

    def configure(self, device: BenchDevice) -> int:
        """The version of the configuration in force for `device`, made if need be."""
        from django.conf import settings

        from sync_server.courts.models import Device
        from sync_server.fleet import services

        places = services.Places(settings.CONFIG.door_url, settings.CONFIG.public.url)
        signed = services.configure(Device.objects.get(name=device.name), authority=self.authority, places=places)
        return decode_config(signed.document).version

    @contextmanager
    def look(self) -> Iterator[sqlite3.Connection]:
        """The server's database, to read from outside."""
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20)) as connection:
            yield connection

    def start_server(self) -> Child:
        """All parts, under the server's own supervisor. Returns when broker, door and pages listen."""
        child = self._start_part("run")
        for address in (self.port, self.door_port, int(self.origin.rpartition(":")[2])):
            _listening(child, address)
        return child

    def start_broker(self) -> Child:
        """The broker as the server configures it: TLS, certificates, access list. Returns when it listens."""
        from sync_server.gateway.broker import BrokerMissing, find_program

        try:
            program = find_program("mosquitto")
        except BrokerMissing as missing:
            raise BenchTrouble(str(missing)) from None
        configuration = self.folder / "state" / "broker" / "mosquitto.conf"
        child = self.household.start(Child("The broker", [program, "-c", str(configuration)], log=self.folder / "broker.log"))
        return _listening(child, self.port)

    def start_gateway(self) -> Child:
        """A gateway worker of its own process, as the server starts it."""
        return self._start_part("gateway")

    def start_door(self) -> Child:
        """The devices' door, in a process of its own. Returns when it listens."""
        return _listening(self._start_part("door"), self.door_port)

    def _start_part(self, name: str) -> Child:
        argv = [sys.executable, "-P", "-m", "sync_server", name, "--config", str(self.config)]
        log = self.folder / f"{name}.log"
        return self.household.start(Child(f"The {name}", argv, log=log, env={"PYTHONPATH": str(ROOT)}))


def _listening(child: Child, port: int) -> Child:
    """`child`, once it listens on `port`."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        child.check()
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return child
        except OSError:
            if time.monotonic() > deadline:
                raise BenchTrouble(f"{child.name} does not listen. It said:\n{child.last_words()}") from None
            time.sleep(0.02)
