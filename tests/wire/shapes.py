"""Everything the wire can carry, for hypothesis to draw from: each field at its bounds and between."""

from hypothesis import strategies as st

from wire import envelopes as env
from wire import events as ev

identifiers = st.binary(min_size=16, max_size=16)
keys = st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,63}\Z")
languages = st.from_regex(r"\A[a-z]{2,3}(-[A-Za-z0-9]{2,8})?\Z")
counts = st.integers(0, 2**31 - 1)
clocks = st.integers(-(2**52), 2**52)
since = st.integers(0, 2**52)
seqs = st.integers(1, 2**52)
watermarks = st.integers(0, 2**52)
hashes = st.binary(min_size=32, max_size=32)
signatures = st.binary(min_size=64, max_size=64)

common = (counts, keys, languages, st.integers(0, 99), identifiers, clocks, st.booleans(), since, st.integers(0, 7 * ev.DAY_MS))
answers = st.builds(ev.Answer, *common, st.integers(ev.NOT_APPLICABLE, ev.HIGHEST_POINT))
retracts = st.builds(ev.Retract, *common)
lefts = st.builds(ev.Left, *common)
passages = st.builds(ev.Passage, *common, counts)
flags = st.builds(ev.Flag, *common, keys)
events = st.one_of(answers, retracts, lefts, passages, flags)

one = st.just(1)
readings = st.builds(env.Clock, identifiers, since, clocks, st.booleans())
batches = st.builds(
    env.Batch, one, identifiers, seqs, hashes, st.lists(st.binary(max_size=200), min_size=1, max_size=20), signatures
)
echoes = st.none() | st.builds(env.Echo, clocks, since)
hellos = st.builds(
    env.Hello,
    one,
    identifiers,
    seqs,
    seqs,
    counts,
    readings,
    st.text(max_size=64),
    st.binary(max_size=16),
    echoes,
    st.none() | watermarks,
)
ranges = st.builds(env.Range, seqs, seqs)
rejected = st.builds(env.Rejected, seqs, st.text(max_size=200))
acks = st.builds(
    env.Ack,
    one,
    identifiers,
    identifiers,
    watermarks,
    watermarks,
    st.integers(0, 64),
    clocks,
    st.lists(ranges, max_size=10),
    st.lists(rejected, max_size=5),
    st.none() | seqs,
    st.none() | st.text(max_size=200),
)
healths = st.builds(
    env.Health,
    one,
    readings,
    counts,
    watermarks,
    watermarks,
    watermarks,
    st.text(max_size=64),
    counts,
    st.lists(st.text(max_size=200), max_size=5),
    st.binary(max_size=16),
    watermarks,
    counts,
    st.none() | clocks,
    st.none() | st.builds(env.Gap, seqs, seqs, st.none() | clocks),
    st.sampled_from(["mqtt", "https"]),
    echoes,
    st.none() | st.builds(env.Fork, seqs, st.none() | clocks),
    st.none() | watermarks,
)
texts = st.dictionaries(languages, st.text(max_size=60), max_size=3)
options = st.builds(env.Option, st.integers(-2, 10), texts, st.none() | keys)
items = st.builds(env.Item, keys, st.sampled_from(["scale", "choice"]), keys, texts, st.lists(options, min_size=2, max_size=5))
questionnaires = st.builds(env.Questionnaire, counts, keys, st.lists(items, min_size=1, max_size=3))
timings = st.builds(env.Timings, st.integers(3_000, 600_000), st.integers(2_000, 60_000), st.integers(0, 60_000))
configs = st.builds(
    env.Config,
    one,
    st.integers(1, 2**31 - 1),
    texts,
    st.lists(languages, min_size=1, max_size=3),
    languages,
    questionnaires,
    timings,
    st.none() | st.text(max_size=200),
    accent=st.none() | st.from_regex(r"#[0-9A-Fa-f]{6}", fullmatch=True),
    crest=st.none() | st.binary(max_size=300),
)
signed_configs = st.builds(env.SignedConfig, one, st.binary(min_size=1, max_size=300), signatures)
arguments = st.dictionaries(keys, st.one_of(st.integers(-(2**60), 2**60), st.text(max_size=20), st.booleans()), max_size=3)
commands = st.builds(env.Command, one, keys, keys, clocks, arguments)
results = st.builds(env.Result, one, keys, st.booleans(), st.text(max_size=300))
bundles = st.builds(
    env.Bundle, one, st.lists(st.builds(env.Downward, keys, st.text(max_size=64), st.binary(max_size=300)), max_size=3)
)
requests = st.builds(env.EnrolRequest, one, st.from_regex(r"\A[0-9A-Z -]{6,20}\Z"), st.text(max_size=400))
enrol_answers = st.builds(
    env.EnrolAnswer,
    one,
    st.from_regex(r"\A[a-z0-9-]{8,32}\Z"),
    st.text(max_size=200),
    st.text(min_size=1, max_size=253),
    st.integers(1, 65535),
    hashes,
    st.binary(max_size=200),
)
