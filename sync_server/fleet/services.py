"""Letting devices in and telling them what to do. The only writer of this room's tables."""

import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from sync_server.courts import services as courts
from sync_server.courts.models import Device, Exit
from sync_server.courts.selectors import placement_at, settings_of
from sync_server.fleet import roll
from sync_server.fleet.authority import Authority, RequestRefused
from sync_server.fleet.models import ConfigVersion, DeviceState, EnrolmentAttempt, EnrolmentCode, IssuedCertificate
from sync_server.fleet.speech import named_in, packs_for
from sync_server.project.config import Address
from sync_server.surveys.selectors import current_questionnaire, languages_of
from wire import VERSION, chain, codec
from wire.codec import WireError
from wire.envelopes import Bundle, Config, Downward, EnrolAnswer, EnrolRequest, Health, SignedConfig, VoicePack
from wire.topics import device_id

CODE_LIFE: Final = timedelta(minutes=15)
FORGOTTEN_AFTER: Final = timedelta(days=1)
"""How long codes nobody used and vain attempts are kept: long enough to be asked about, and no longer."""
ATTEMPTS: Final = 10
"""Wrong codes one address may try within `CODE_LIFE`. A code has 50 random bits: this is for the log more than for safety."""
CLOCK_TOLERATED: Final = timedelta(days=1)
"""How far a new device's clock may be behind: what it says of its first minutes must not fall before it stood anywhere."""
LAST_VERSION: Final = 2**31 - 1
"""The highest number a configuration can have, on the wire and in the database."""
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: without I, L, O and U, which people mistake for something else."""

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The present instant, aware."""
    return datetime.now(UTC)


class Places(NamedTuple):
    """What a device is told beside where its broker is: the door, without which it gets no speech, and the page of the QR code."""

    door: str | None = None
    public_url: str | None = None


NOWHERE: Final = Places()


class EnrolmentRefused(Exception):
    """A device that was not let in: one word for programs, one sentence for people, and the HTTP status that fits."""

    def __init__(self, reason: str, text: str, status: int) -> None:
        super().__init__(text)
        self.reason = reason
        self.status = status


def issue_code(*, exit: Exit, name: str | None = None, now: Now = utc_now) -> tuple[str, str]:
    """A new one-time code for a device at `exit`. Returns (code, the name the device will have). Raises `ValidationError`."""
    chosen = name or f"kiosk-{secrets.token_hex(4)}"
    try:
        device_id(chosen)
    except ValueError as fault:
        raise ValidationError({"name": str(fault)}) from None
    if Device.objects.filter(name=chosen).exists():
        raise ValidationError({"name": f"A device called {chosen} is enrolled already. Choose another name."})
    digits = "".join(secrets.choice(ALPHABET) for _ in range(10))
    EnrolmentCode.objects.filter(used_at=None, expires_at__lt=now() - FORGOTTEN_AFTER).delete()
    EnrolmentCode.objects.create(code_hash=_hash(digits), exit=exit, name=chosen, expires_at=now() + CODE_LIFE)
    return f"{digits[:5]}-{digits[5:]}", chosen


def enrol(
    request: EnrolRequest,
    *,
    peer: str,
    authority: Authority,
    broker: Address,
    places: Places = NOWHERE,
    now: Now = utc_now,
) -> EnrolAnswer:
    """Lets a device in: uses up its code, certifies its key, places it, and gives it its first configuration.

    Of many that offer one code at once, exactly one succeeds. Raises `EnrolmentRefused`.
    """
    instant = now()
    if EnrolmentAttempt.objects.filter(peer=peer, at__gt=instant - CODE_LIFE).count() >= ATTEMPTS:
        raise EnrolmentRefused("too-many-attempts", "Too many wrong codes from this address. Wait a quarter of an hour.", 429)
    try:
        with transaction.atomic():
            code = _use_code(request.code, instant)
            try:
                certificate, public_key = authority.certify_device(request.request, code.name, instant)
                device = courts.register_device(name=code.name, public_key=public_key, enrolled_at=instant)
            except RequestRefused as fault:
                raise EnrolmentRefused("bad-request", f"The signing request was refused: {fault}.", 400) from None
            except ValidationError as fault:
                raise EnrolmentRefused(
                    "name-taken", f"The device could not be registered: {'; '.join(fault.messages)}", 409
                ) from None
            courts.place_device(device=device, exit=code.exit, starts_at=instant - CLOCK_TOLERATED)
            code.device = device
            code.save(update_fields=["device"])
            IssuedCertificate.objects.create(
                device=device, serial=str(certificate.serial_number), expires_at=certificate.not_valid_after_utc
            )
            signed = configure(device, authority=authority, places=places, now=now)
            roll.enter(authority.folder, _entry(device, certificate, code.exit, instant))
    except EnrolmentRefused as refusal:
        if refusal.reason == "wrong-code":
            EnrolmentAttempt.objects.filter(at__lt=instant - FORGOTTEN_AFTER).delete()
            EnrolmentAttempt.objects.create(peer=peer[:64], at=instant)
        raise
    return EnrolAnswer(
        v=VERSION,
        device=device.name,
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        broker_host=broker.host,
        broker_port=broker.port,
        server_key=authority.config_public_key,
        config=msgspec.msgpack.encode(signed),
    )


def _entry(device: Device, certificate: x509.Certificate, exit: Exit, instant: datetime) -> roll.Enrolled:
    """`device` as the authority's roll has it, with names in place of numbers, which another database may give to others."""
    return roll.Enrolled(
        device=device.name,
        key=bytes(device.public_key),
        at=instant.isoformat(),
        serial=str(certificate.serial_number),
        expires=certificate.not_valid_after_utc.isoformat(),
        court=exit.court.slug,
        exit=exit.name_uk,
        since=(instant - CLOCK_TOLERATED).isoformat(),
    )


def _use_code(typed: str, instant: datetime) -> EnrolmentCode:
    digits = typed.upper().replace("-", "").replace(" ", "")
    used = EnrolmentCode.objects.filter(code_hash=_hash(digits), used_at=None, expires_at__gt=instant).update(used_at=instant)
    code = EnrolmentCode.objects.select_related("exit").filter(code_hash=_hash(digits)).first()
    if code is None:
        raise EnrolmentRefused("wrong-code", "There is no such code. Check it and type it again.", 403)
    if not used:
        if code.used_at is not None:
            raise EnrolmentRefused("used-code", "This code has been used. Ask for a new one.", 403)
        raise EnrolmentRefused("expired-code", "This code is older than 15 minutes. Ask for a new one.", 403)
    return code


def _hash(digits: str) -> bytes:
    return sha256(b"vidhuk enrolment\0" + digits.encode()).digest()


def configure(device: Device, *, authority: Authority, places: Places = NOWHERE, held: int = 0, now: Now = utc_now) -> SignedConfig:
    """The configuration in force for `device`, signed; a new version of it when anything in it has changed.

    `held` is the version the device says it has. If this server, restored from a backup, does not know of it, what is in force gets
    a number above it, because a device takes newer versions only.

    Asked for every minute by every device, so where nothing has changed it locks nothing. Raises `EnrolmentRefused` when there is
    nothing to ask yet, or more than a message can carry.
    """
    made = _made(device, _config_for(device, places, now()), held)
    if made is not None:
        return made
    with transaction.atomic():
        Device.objects.select_for_update(no_key=True).get(pk=device.pk)  # two gateways must not give one number to two versions
        draft = _config_for(device, places, now())
        return _made(device, draft, held) or _make_version(device, draft, authority, held, now())


def _made(device: Device, draft: Config, held: int) -> SignedConfig | None:
    """The newest version made for `device`, if it says the same as `draft` and is none that the device is beyond."""
    newest = ConfigVersion.objects.filter(device=device).order_by("-version").first()
    if newest is None or newest.version < held or bytes(newest.content_hash) != _content(draft):
        return None
    return SignedConfig(VERSION, bytes(newest.document), bytes(newest.signature))


def _content(draft: Config) -> bytes:
    return sha256(msgspec.json.encode(draft)).digest()


def _make_version(device: Device, draft: Config, authority: Authority, held: int, instant: datetime) -> SignedConfig:
    newest = ConfigVersion.objects.filter(device=device).aggregate(newest=Max("version"))["newest"] or 0
    version = max(newest, held) + 1
    if version > LAST_VERSION:
        raise EnrolmentRefused("no-number", f"{device.name} says it holds configuration {held}. Enrol it anew.", 409)
    document = codec.encode_config(msgspec.structs.replace(draft, version=version))
    signed = SignedConfig(VERSION, document, authority.sign_config(chain.config_statement(device.name, document)))
    try:
        # Over HTTPS it travels within another message, which adds a few bytes.
        codec.encode(Bundle(VERSION, [Downward("config", *codec.encode(signed))]))
    except WireError as fault:
        raise EnrolmentRefused(
            "too-large",
            f"The configuration of {device.name} does not fit a message ({fault}). Offer fewer languages, or a smaller crest.",
            409,
        ) from None
    ConfigVersion.objects.create(
        device=device,
        version=version,
        content_hash=_content(draft),
        document=document,
        signature=signed.signature,
        made_at=instant,
    )
    return signed


def _config_for(device: Device, places: Places, instant: datetime) -> Config:
    """What `device` should be told where it stands now; `version` is still to be given."""
    stay = placement_at(device.id, instant)
    asked = current_questionnaire()
    if stay is None or asked is None:
        missing = "stands at no exit" if stay is None else "has no questionnaire to ask"
        raise EnrolmentRefused("nothing-to-ask", f"{device.name} {missing}. Set that up first.", 409)
    court = settings_of(Exit.objects.select_related("court").get(pk=stay.exit_id).court)
    spoken = languages_of(asked)
    languages = [language for language in court.languages if language in spoken] or sorted(spoken)
    return Config(
        v=VERSION,
        version=1,
        court=court.name,
        languages=languages,
        language=court.language if court.language in languages else languages[0],
        questionnaire=msgspec.structs.replace(
            asked,
            items=asked.items if court.ask_reason else asked.items[:1],
            rotation=asked.rotation if court.ask_rotation else [],
        ),
        timings=court.timings,
        misuse=court.misuse,
        hours=court.hours,
        public_url=places.public_url,
        door=places.door,
        speech=_speech(stay.court_id, languages, court.name) if places.door is not None else [],
        accent=court.accent,
        crest=court.crest,
    )


def _speech(court: int, languages: list[str], names: Mapping[str, str]) -> list[VoicePack]:
    packs = packs_for(court, [*languages, *named_in(names, languages)])
    said = [pack for pack in packs if pack.court_id is not None or pack.language in languages]
    return [VoicePack(pack.language, pack.voice, bytes(pack.digest), pack.size) for pack in said]


def record_presence(device: str, *, present: bool, now: Now = utc_now) -> None:
    """The broker says that `device` has come, or that it has gone; of that nothing was heard from the device itself."""
    if present:
        _state(device, present=True, heard_at=now())
    else:
        _state(device, present=False)


def record_health(device: str, health: Health, *, now: Now = utc_now) -> None:
    """The newest report of `device` about itself."""
    _state(device, present=True, heard_at=now(), config_held=health.config, report=msgspec.to_builtins(health))


def _state(name: str, **values: object) -> None:
    device = Device.objects.filter(name=name).first()
    if device is not None:
        DeviceState.objects.update_or_create(device=device, defaults=values)
