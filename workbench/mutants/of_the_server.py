"""Faults on the server: the way in, the ledger, the tallies, the gateway, backups."""

from typing import Final

from workbench.mutants.fault import Fault

ENTERING: Final = "sync_server/ingest/entering.py"
BOOKS: Final = "sync_server/ingest/books.py"
TALLIES: Final = "sync_server/results/tallies.py"

FAULTS: Final = (
    # --- the way in ---
    Fault(
        "what was dealt with is never taken off the broker",
        "sync_server/gateway/mqtt.py",
        "        for incoming in self._waiting.finished(number for number, _ in group):\n"
        "            self._client.ack(incoming.mid, incoming.qos)\n",
        "",
        "tests/sync_server/gateway/test_isolation.py::test_topics_that_are_not_ours_are_passed_over",
    ),
    Fault(
        "devices are told that rows are stored before the commit, which comes with the next group",
        "sync_server/ingest/services.py",
        "    with transaction.atomic(durable=True):\n        entering = Entering(examined)\n",
        "    transaction.commit()\n    transaction.set_autocommit(False)\n    if True:\n        entering = Entering(examined)\n",
        "tests/faults/test_power_cut.py::test_after_every_power_cut_the_server_has_what_it_acknowledged_and_counts_it_once",
        said="was told that",
    ),
    Fault(
        "devices are told that rows are stored although the commit failed",
        "sync_server/ingest/services.py",
        "    with transaction.atomic(durable=True):\n        entering = Entering(examined)\n",
        "    from contextlib import suppress\n\n    from django.db import OperationalError\n\n"
        "    with suppress(OperationalError), transaction.atomic(durable=True):\n        entering = Entering(examined)\n",
        "tests/faults/test_server_eio.py::test_a_disk_that_fails_for_a_while_loses_nothing_that_was_acknowledged",
    ),
    Fault(
        "the server's disk is not synced at every commit",
        "sync_server/project/database.py",
        "PRAGMA synchronous=FULL",
        "PRAGMA synchronous=NORMAL",
        "tests/faults/test_power_cut.py::test_after_every_power_cut_the_server_has_what_it_acknowledged_and_counts_it_once",
        said="was told that",
    ),
    Fault(
        "the ledger takes a second row at the same place",
        "sync_server/ingest/migrations/0002_ledger.py",
        """    link bigint NOT NULL,
    PRIMARY KEY (stream_id, seq)
\"""


def make(apps, schema_editor):
    tail = " WITHOUT ROWID" if schema_editor.connection.vendor == "sqlite" else ""
""",
        """    link bigint NOT NULL
\"""


def make(apps, schema_editor):
    tail = ""
""",
        "tests/sync_server/ingest/test_places.py::test_where_nobody_saw_that_a_place_is_taken_the_ledger_itself_refuses_the_row",
    ),
    Fault(
        "messages are taken off the broker before they are accepted",
        "sync_server/gateway/mqtt.py",
        "        group = self._waiting.take()\n",
        "        group = self._waiting.take()\n"
        "        for _, early in group:\n"
        "            self._client.ack(early.mid, early.qos)\n",
        "tests/sync_server/gateway/test_isolation.py::test_while_the_database_is_away_the_gateway_tries_again_and_loses_nothing",
    ),
    Fault(
        "one message at fault takes its neighbours along",
        "sync_server/gateway/answers.py",
        "            if len(messages) > 1:",
        "            if False:",
        "tests/sync_server/gateway/test_isolation.py::"
        "test_a_message_at_which_accept_fails_is_set_aside_and_its_neighbours_are_stored",
    ),
    Fault(
        "a wrong signature is accepted",
        "sync_server/ingest/intake.py",
        "    except (InvalidSignature, ValueError):\n",
        "    except (InvalidSignature, ValueError):\n        pass\n    if False:\n",
        "tests/sync_server/ingest/test_accept.py::test_a_batch_signed_by_another_key_is_set_aside_and_its_device_is_told",
    ),
    Fault(
        "a revoked device is heard",
        "sync_server/ingest/intake.py",
        "    if key.revoked:",
        "    if False:",
        "tests/sync_server/ingest/test_accept.py::test_strangers_and_revoked_devices_are_not_heard",
    ),
    Fault(
        "the same row is not recognised when it comes again",
        ENTERING,
        "        fresh = [place for place in range(len(sound.links)) if sound.first + place not in known]",
        "        fresh = list(range(len(sound.links)))",
        "tests/sync_server/ingest/test_accept.py::test_the_same_batch_again_changes_nothing",
    ),
    Fault(
        "a row is told from another by its content instead of its place",
        ENTERING,
        "        fresh = [place for place in range(len(sound.links)) if sound.first + place not in known]",
        "        rows = sound.batch.rows\n"
        "        fresh = [p for p, row in enumerate(rows) if row not in rows[:p] and sound.first + p not in known]",
        "tests/sync_server/ingest/test_places.py::test_rows_of_the_same_bytes_are_as_many_rows",
    ),
    Fault(
        "a cloned card overwrites nothing but is not noticed",
        ENTERING,
        "            if seq >= sound.first and known[seq] != short(sound.links[seq - sound.first]):",
        "            if False:",
        "tests/sync_server/ingest/test_accept.py::test_a_cloned_card_is_a_fork_and_the_first_comer_stays",
    ),
    Fault(
        "a chain need not begin at its stream's origin",
        ENTERING,
        "        if previous is not None and previous != sound.batch.previous:",
        "        if False:",
        "tests/sync_server/ingest/test_accept.py::test_a_chain_that_does_not_begin_at_its_streams_origin_is_a_fork",
    ),
    Fault(
        "a batch need not continue the row before it",
        ENTERING,
        "        if before is not None and before != short(sound.batch.previous):",
        "        if False:",
        "tests/sync_server/ingest/test_accept.py::test_a_fork_is_seen_at_a_batch_that_only_touches_the_stored_rows",
    ),
    Fault(
        "a card restored from an image is greeted like any other",
        ENTERING,
        "        if book.forked_by(",
        "        if False and book.forked_by(",
        "tests/sync_server/ingest/test_accept.py::test_a_hello_from_a_card_restored_from_an_image_is_told_of_the_fork",
    ),
    Fault(
        "a row that cannot be read blocks its stream",
        ENTERING,
        "                self._hold_place(book, sound, place, event)\n                continue",
        "                break",
        "tests/sync_server/ingest/test_accept.py::test_a_row_that_cannot_be_read_holds_its_place_and_blocks_nobody",
    ),
    Fault(
        "the watermark passes over gaps",
        BOOKS,
        "        if not missing:\n            joined = through",
        "        joined = through",
        "tests/sync_server/ingest/test_accept.py::test_batches_with_other_boundaries_and_any_order_join_up",
    ),
    Fault(
        "a gap is not asked for",
        BOOKS,
        "            missing.append((through + 1, first - 1))",
        "            missing.append((first, first))",
        "tests/sync_server/ingest/test_accept.py::test_batches_with_other_boundaries_and_any_order_join_up",
    ),
    Fault(
        "more is called backed up than is stored",
        BOOKS,
        "            backed_through=min(stream.backed_through, stream.stored_through),",
        "            backed_through=max(stream.backed_through, stream.stored_through),",
        "tests/sync_server/ingest/test_accounts.py::test_an_acknowledgement_says_what_a_backup_holds_and_never_more_than_is_stored",
    ),
    Fault(
        "what a device has deleted is waited for for ever",
        BOOKS,
        "        if gone:\n",
        "        if False:\n",
        "tests/sync_server/ingest/test_accounts.py::"
        "test_rows_that_the_device_has_deleted_and_nobody_holds_are_named_once_and_not_waited_for",
    ),
    Fault(
        "the signed bytes are not kept as they came",
        ENTERING,
        '                sound.received.content_type or "",\n                sound.received.data,',
        '                sound.received.content_type or "",\n                b"".join(sound.batch.rows),',
        "tests/sync_server/ingest/test_accept.py::test_evidence_keeps_the_signed_bytes_as_they_came",
    ),
    # --- time ---
    Fault(
        "a row is stamped with the server's clock",
        ENTERING,
        "                at = visit + offset\n",
        "                at = received\n",
        "tests/sync_server/ingest/test_accept.py::test_every_kind_of_row_keeps_what_it_says",
    ),
    Fault(
        "a clock that nobody vouches for is believed",
        ENTERING,
        "            at: int | None = None\n",
        "            at: int | None = visit + wall_offset\n",
        "tests/sync_server/ingest/test_accept.py::test_rows_without_a_clock_are_dated_by_the_first_anchor_of_their_boot",
    ),
    Fault(
        "a clock that claims to be right is believed however far off it is",
        "sync_server/ingest/dating.py",
        "    return abs(wall_offset - anchor) <= HONEST_MS + readings // DRIFT",
        "    return True",
        "tests/sync_server/ingest/test_dating.py::"
        "test_a_stamp_is_believed_near_its_anchor_and_a_little_farther_off_the_longer_a_clock_ran",
    ),
    Fault(
        "an anchor that cannot have been goes on dating rows",
        "sync_server/ingest/dating.py",
        "    if known.offset is None or bounds.refute(known.offset):",
        "    if known.offset is None:",
        "tests/sync_server/ingest/test_dating.py::test_an_anchor_that_cannot_have_been_is_refuted",
    ),
    # --- tallies ---
    Fault(
        "of what a visit said the first word holds",
        TALLIES,
        "ORDER BY n.dt DESC,",
        "ORDER BY n.dt ASC,",
        "tests/sync_server/results/test_tallies.py::test_an_answer_given_again_replaces_the_first",
    ),
    Fault(
        "an answer that was taken back counts",
        TALLIES,
        "FROM near n WHERE n.kind IN ({KINDS[Answer]}, {KINDS[Retract]}, {KINDS[Left]})",
        "FROM near n WHERE n.kind IN ({KINDS[Answer]}, {KINDS[Left]})",
        "tests/sync_server/results/test_tallies.py::test_an_answer_that_was_taken_back_is_gone_although_it_was_counted_before",
    ),
    Fault(
        "a tally is added to instead of counted afresh",
        TALLIES,
        "        old.delete()\n",
        "",
        "tests/sync_server/results/test_tallies.py::test_an_answer_that_was_taken_back_is_gone_although_it_was_counted_before",
    ),
    Fault(
        "every row counts, and not every visit",
        TALLIES,
        "WHERE w.place = 1 AND",
        "WHERE w.place >= 1 AND",
        "tests/sync_server/results/test_tallies.py::test_an_answer_given_again_replaces_the_first",
    ),
    Fault(
        "the same row in two streams of a device counts twice",
        TALLIES,
        "PARTITION BY n.exit_id, n.since, n.boot_id,",
        "PARTITION BY n.exit_id, n.since, n.stream_id, n.boot_id,",
        "tests/sync_server/results/test_tallies.py::test_a_fork_sent_anew_under_another_stream_counts_once",
    ),
    Fault(
        "days are the server's and not the court's",
        TALLIES,
        "    zone = court.zone\n",
        "    zone = UTC\n",
        "tests/sync_server/results/test_tally_days.py::test_days_and_hours_are_the_courts_own",
    ),
    Fault(
        "a mark that comes while others are worked off is lost",
        TALLIES,
        "            Mark.objects.filter(id__in=ids[start : start + 500]).delete()",
        "            Mark.objects.all().delete()",
        "tests/sync_server/results/test_rebuilding.py::test_a_mark_that_comes_while_others_are_worked_off_stays",
    ),
    Fault(
        "marks are worked off oldest first, and today waits behind the backlog",
        "sync_server/results/due.py",
        'marks.order_by(F("hour").desc(nulls_last=True), "id")[:MARKS_AT_ONCE]',
        'marks.order_by(F("hour").asc(nulls_last=True), "id")[:MARKS_AT_ONCE]',
        "tests/sync_server/results/test_newest_first.py::test_today_is_counted_before_the_days_of_the_backlog",
    ),
    Fault(
        "a move that is written down late leaves the days where they were",
        "sync_server/results/due.py",
        "        days |= _held(move.device_id, move.since, move.until, list(courts))",
        "        days |= set()",
        "tests/sync_server/results/test_due.py::test_a_move_that_is_written_down_late_takes_its_days_along_and_no_others",
    ),
    Fault(
        "the tally worker keeps ratings out while it has a backlog",
        "sync_server/results/worker.py",
        "            self._stopping.wait(min(REST_S, max(PAUSE_S, time.monotonic() - began)))",
        "            self._stopping.wait(0.0)",
        "tests/sync_server/results/test_worker.py::test_after_each_step_it_rests_as_long_as_it_has_worked",
    ),
    Fault(
        "what is new waits behind the backlogs of a hundred devices",
        "sync_server/gateway/waiting.py",
        "SMALL: Final = 1024",
        "SMALL: Final = 0",
        "tests/sync_server/gateway/test_waiting.py::test_what_is_new_goes_before_the_backlogs_of_others",
    ),
    # --- backups ---
    Fault(
        "what devices may delete follows the newest backup",
        "sync_server/keeping/shelf.py",
        "{key: min(through, held[key])",
        "{key: max(through, held[key])",
        "tests/sync_server/keeping/test_watermarks.py::"
        "test_what_devices_may_delete_is_what_the_oldest_backup_holds_that_may_still_be_restored",
    ),
    Fault(
        "a retired backup goes on counting",
        "sync_server/keeping/shelf.py",
        "        return self.retired_at is None and not",
        "        return not",
        "tests/sync_server/keeping/test_watermarks.py::"
        "test_what_devices_may_delete_is_what_the_oldest_backup_holds_that_may_still_be_restored",
    ),
    Fault(
        "a copy that was carried away backs devices up",
        "sync_server/keeping/shelf.py",
        "        return self.retired_at is None and not (self.manifest is not None and self.manifest.carried)",
        "        return self.retired_at is None",
        "tests/sync_server/keeping/test_watermarks.py::test_a_copy_that_is_carried_away_holds_nothing_back_and_backs_nothing_up",
    ),
    Fault(
        "a restored server keeps its epoch, and devices do not notice",
        "sync_server/keeping/sqlite.py",
        "            made.execute(rebirth)\n",
        "",
        "tests/sync_server/keeping/test_restoring.py::"
        "test_a_restored_server_has_a_new_epoch_and_what_it_lacks_is_sent_again_and_counted_once",
    ),
    Fault(
        "a retired backup is restored without a word",
        "sync_server/keeping/restoring.py",
        "    if not (risks or backup.retired_at):",
        "    if True:",
        "tests/sync_server/keeping/test_restoring.py::"
        "test_a_retired_backup_is_refused_unless_forced_and_then_the_rows_at_risk_are_named",
    ),
    Fault(
        "an altered backup is restored",
        "sync_server/keeping/restoring.py",
        "    if backup.fault:\n",
        "    if False:\n",
        "tests/sync_server/keeping/test_restoring.py::test_what_is_not_as_it_should_be_is_refused_and_nothing_is_changed",
    ),
    Fault(
        "a backup gets its name before it is synced",
        "sync_server/keeping/backups.py",
        "files.sync_tree(draft)",
        "pass",
        "tests/sync_server/keeping/test_backups.py::test_everything_is_synced_before_a_backup_gets_its_name_and_the_name_after_it",
    ),
    Fault(
        "a retirement lets devices delete before it is written down",
        "sync_server/keeping/backups.py",
        "        _mark_retired(backup, now)\n        watermarks.recount(config.backup_dir)\n        return shelf.look(",
        "        watermarks.recount(config.backup_dir)\n        _mark_retired(backup, now)\n        return shelf.look(",
        "tests/sync_server/keeping/test_watermarks.py::test_a_retirement_that_was_cut_off_is_finished_at_the_next_start",
    ),
    Fault(
        "the log of a damaged database is left for the restored one",
        "sync_server/keeping/sqlite.py",
        "lambda: _close_log(database)",
        "lambda: None",
        "tests/sync_server/keeping/test_replacing.py::test_a_database_that_cannot_be_read_any_more_is_put_aside_with_its_log",
    ),
    Fault(
        "a restored server numbers configurations as if devices held none",
        "sync_server/fleet/services.py",
        "    version = max(newest, held) + 1",
        "    version = newest + 1",
        "tests/sync_server/fleet/test_configuration.py::test_what_a_restored_server_says_is_numbered_above_what_the_device_holds",
    ),
    # --- the HTTPS twin ---
    Fault(
        "over HTTPS nobody looks at the signature",
        "sync_server/gateway/twin.py",
        "    if not _is_signed(key.public_key, statement, signature):",
        "    if False:",
        "tests/sync_server/gateway/test_twin.py::test_a_device_cannot_sign_for_another",
    ),
    Fault(
        "over HTTPS a signature holds for any message",
        "sync_server/gateway/twin.py",
        'chain.request_statement(message.device, leaf, message.content_type or "", message.data)',
        'chain.request_statement(message.device, leaf, "", b"")',
        "tests/sync_server/gateway/test_twin.py::test_a_batch_is_stored_and_its_acknowledgement_is_the_answer",
    ),
)
