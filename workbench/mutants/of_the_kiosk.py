"""Faults on the device: the card, the ledger, the delivery, its ways to the server."""

from typing import Final

from workbench.mutants.fault import Change, Fault

STORE: Final = "kiosk/ledger/store.py"
KEEPER: Final = "kiosk/ledger/keeper.py"
DELIVERY: Final = "kiosk/core/delivery.py"
SYNC: Final = "kiosk/workers/sync.py"

FAULTS: Final = (
    # --- nobody is thanked before the card has it ---
    Fault(
        "a visitor is thanked before the commit",
        "kiosk/core/conductor.py",
        "                self._recorder.append(append.rows, self._reporter(append.token))",
        "                self._settled(append.token, True)\n"
        "                self._recorder.append(append.rows, lambda stored: None)",
        "tests/kiosk/test_visit.py::test_the_pressed_look_comes_before_the_commit_and_the_thanks_after_it",
    ),
    Fault(
        "a failed commit is thanked like any other",
        "kiosk/core/conductor.py",
        "visit.Committed if stored else visit.Failed",
        "visit.Committed",
        "tests/kiosk/test_visit.py::test_a_failed_commit_says_not_recorded_and_never_thanks",
    ),
    Fault(
        "a commit that comes after «not recorded» counts all the same",
        "kiosk/core/visit/commits.py",
        "            return _take_back(state, late)",
        "            return state, ()",
        "tests/kiosk/test_visit.py::test_a_commit_that_comes_after_we_gave_up_is_taken_back",
    ),
    Fault(
        "what is taken back late is taken back at the answer's own moment, where places decide",
        "kiosk/core/visit/commits.py",
        "dt=min(answer.dt + 1, LONGEST_VISIT)",
        "dt=answer.dt",
        "tests/kiosk/test_visit.py::test_a_retraction_holds_although_its_answer_comes_to_stand_behind_it",
    ),
    Fault(
        "of the rows of one press only the first is written",
        "kiosk/ledger/keeper.py",
        "        encoded = [_encoded(rows) for rows in appends]",
        "        encoded = [_encoded(rows[:1]) for rows in appends]",
        "tests/kiosk/test_ledger_appends.py::test_all_rows_of_a_press_are_written_together_and_in_their_order",
    ),
    # --- the card ---
    Fault(
        "the card is not synced at every commit, and nobody looks whether it is",
        STORE,
        '"synchronous = FULL"',
        '"synchronous = NORMAL"',
        "tests/faults/test_power_cut.py::"
        "test_a_power_cut_while_the_ledger_migrates_moves_rows_salvages_or_prunes_loses_and_doubles_none",
        (Change(STORE, ' or self._pragma("synchronous") != 2', ""),),
        said="rows are gone",
    ),
    Fault(
        "somebody else may write to the ledger",
        STORE,
        '"locking_mode = EXCLUSIVE"',
        '"locking_mode = NORMAL"',
        "tests/kiosk/test_ledger_store.py::test_the_card_is_synced_at_every_commit_and_nobody_else_gets_in",
    ),
    Fault(
        "a row's number is used again after pruning",
        STORE,
        "        self._next = self._oldest if high is None else high + 1",
        "        self._next = 1 + len(self._connection.execute('SELECT seq FROM rows').fetchall())",
        "tests/kiosk/test_ledger_store.py::test_only_backed_up_rows_older_than_asked_are_pruned_and_the_newest_stays",
    ),
    Fault(
        "rows that are stored but not backed up are pruned",
        STORE,
        "limit = min(self._progress.backed_through, self._progress.stored_through, self._next - 2)",
        "limit = min(self._progress.stored_through, self._next - 2)",
        "tests/kiosk/test_ledger_store.py::test_nothing_stored_but_not_backed_up_is_ever_pruned",
    ),
    Fault(
        "rows are pruned whatever the server has",
        STORE,
        "limit = min(self._progress.backed_through, self._progress.stored_through, self._next - 2)",
        "limit = self._next - 2",
        "tests/kiosk/test_ledger_store.py::test_only_backed_up_rows_older_than_asked_are_pruned_and_the_newest_stays",
    ),
    Fault(
        "the newest row is pruned too, and the chain has no end to go on from",
        STORE,
        "self._progress.stored_through, self._next - 2)",
        "self._progress.stored_through, self._next - 1)",
        "tests/kiosk/test_ledger_store.py::test_only_backed_up_rows_older_than_asked_are_pruned_and_the_newest_stays",
    ),
    Fault(
        "rows that were refused to their visitors come back when the file is opened again",
        STORE,
        '                self._connection.execute("DELETE FROM rows WHERE seq >= ?", (known_next,))',
        "                pass",
        "tests/kiosk/test_ledger_store.py::test_rows_that_were_refused_to_their_visitors_do_not_come_back",
    ),
    Fault(
        "after a failed write the file goes on being used as it is",
        KEEPER,
        "        if isinstance(fault, sqlite3.Error) and leaves_file_known(fault):",
        "        if isinstance(fault, sqlite3.Error):",
        "tests/kiosk/test_ledger_thread.py::test_a_write_that_failed_midway_leaves_no_row_behind_and_the_next_one_is_kept",
    ),
    Fault(
        "a new name in a folder is not synced, and a power cut takes the file with it",
        "kiosk/durable.py",
        "        os.fsync(descriptor)\n",
        "        pass\n",
        "tests/kiosk/test_durable.py::test_a_name_is_synced_with_its_folder",
    ),
    Fault(
        "a file is named before its content is synced",
        "kiosk/durable.py",
        '"wb") as file:\n        file.write(content)\n        file.flush()\n        os.fsync(file.fileno())\n',
        '"wb") as file:\n        file.write(content)\n        file.flush()\n',
        "tests/kiosk/test_durable.py::test_content_is_synced_before_anybody_relies_on_it",
    ),
    # --- a new stream, and what was put aside ---
    Fault(
        "at a fork the rows from before it are forgotten",
        STORE,
        "        moving = [*self._moving, past] if past.left else self._moving",
        "        moving = self._moving",
        "tests/kiosk/test_ledger_keeper.py::test_a_new_stream_begins_empty_and_takes_over_every_row_that_is_not_backed_up",
    ),
    Fault(
        "at a fork rows are left behind of which another device's are backed up",
        "kiosk/ledger/pasts.py",
        "    return 0 if progress.forked_at is not None else min(",
        "    return 0 if False else min(",
        "tests/kiosk/test_ledger_keeper.py::test_after_a_fork_all_rows_are_taken_over_because_the_backups_may_hold_the_rows_of_the_other_device",
    ),
    Fault(
        "an old word about a fork ends the stream that came after it",
        KEEPER,
        "            if store.standing.stream == stream:\n",
        "            if True:\n",
        "tests/kiosk/test_ledger_keeper.py::test_a_stream_that_is_not_the_present_one_is_not_ended",
    ),
    Fault(
        "rows taken over stay where they were, and are taken over again",
        "kiosk/ledger/pasts.py",
        '        connection.execute(f"DELETE FROM {past.table} WHERE seq <= ?", (past.taken,))',
        "        pass",
        "tests/kiosk/test_ledger_keeper.py::test_ratings_go_in_while_rows_are_taken_over",
    ),
    Fault(
        "rows are taken over in another transaction than they leave their old place",
        STORE,
        """            head = self._insert(taken.rows)
""",
        """        with self._db.atomic():
            head = self._insert(taken.rows)
""",
        "tests/kiosk/test_ledger_keeper.py::test_a_cut_before_any_statement_of_taking_over_loses_no_row_and_doubles_none",
    ),
    Fault(
        "a ledger of a newer program is written to",
        "kiosk/ledger/schema.py",
        "    if unknown:\n",
        "    if False:\n",
        "tests/kiosk/test_ledger_keeper.py::test_a_ledger_that_a_newer_program_wrote_is_left_as_it_is",
    ),
    Fault(
        "a chain that is broken is read out as if nothing were",
        STORE,
        "        if len(rows) != wanted or chain.links(previous, rows) != [link for *_, link, _ in found]:",
        "        if len(rows) != wanted:",
        "tests/kiosk/test_ledger_keeper.py::test_nobody_is_told_rows_that_are_not_what_was_written",
    ),
    Fault(
        "a damaged value of the ledger's own is believed",
        "kiosk/ledger/sealing.py",
        "    if len(kept) < SEAL_BYTES or sealed(value) != kept:",
        "    if len(kept) < SEAL_BYTES:",
        "tests/kiosk/test_ledger_keeper.py::test_a_flipped_bit_in_what_the_ledger_knows_of_itself_is_noticed",
    ),
    Fault(
        "a damaged ledger is moved aside without its write-ahead log",
        "kiosk/ledger/aside.py",
        'PARTS: Final = ("-shm", "-journal", "-wal", "")',
        'PARTS: Final = ("-shm", "-journal", "")',
        "tests/kiosk/test_ledger_aside.py::test_the_file_and_its_log_move_together_and_nothing_stays_under_the_old_name",
    ),
    Fault(
        "rows that were refused to their visitors are salvaged",
        "kiosk/ledger/salvage.py",
        "        return row.seq > self.floor and (self.ceiling is None or row.seq < self.ceiling)",
        "        return row.seq > self.floor",
        "tests/kiosk/test_ledger_salvage.py::test_what_is_backed_up_and_what_was_refused_stay_where_they_are",
    ),
    Fault(
        "an altered row is salvaged as it is",
        "kiosk/ledger/pasts.py",
        "        if state is not None:\n            good[found.row] = state\n",
        "        if True:\n            good[found.row] = state or found.link\n",
        "tests/kiosk/test_ledger_salvage.py::test_an_altered_row_is_left_out_and_a_row_with_an_altered_link_is_not",
    ),
    Fault(
        "a row behind a hole is believed whatever its checksum says",
        "kiosk/ledger/pasts.py",
        "            proven |= not found.seal\n",
        "            proven = True\n",
        "tests/kiosk/test_ledger_salvage.py::test_behind_a_hole_a_row_is_believed_by_its_checksum_and_an_altered_one_is_not",
    ),
    Fault(
        "SQLite lets go of a damaged ledger in its own way, and deletes the log",
        STORE,
        "        aside.let_go(self.path, self._connection)",
        "        self._connection.close()",
        "tests/kiosk/test_ledger_broken_log.py::test_rows_behind_a_hole_of_the_log_are_read_although_those_in_it_are_gone",
    ),
    # --- delivery ---
    Fault(
        "a broker's PUBACK counts as stored",
        DELIVERY,
        "        if reason != NO_SUBSCRIBERS and reason < REFUSALS:\n            return\n",
        "        if reason != NO_SUBSCRIBERS and reason < REFUSALS:\n"
        "            last = max((flight.last for flight in self._flights if flight.token == token), default=0)\n"
        "            progress = self.progress\n"
        "            stored = max(last, progress.stored_through)\n"
        "            self._standing = self._standing._replace(progress=msgspec.structs.replace(progress, stored_through=stored))\n"
        "            return\n",
        "tests/kiosk/test_delivery.py::test_the_brokers_good_word_is_no_promise",
    ),
    Fault(
        "a restored server is not told again what it lost",
        DELIVERY,
        "            known = Progress(ack.epoch, 0, 0, retired)",
        "            known = msgspec.structs.replace(known, epoch=ack.epoch, retired=retired)",
        "tests/kiosk/test_delivery_words.py::test_a_restored_server_gets_again_what_it_lost",
    ),
    Fault(
        "a late word from before the restore is believed",
        DELIVERY,
        "        if ack.epoch in known.retired:",
        "        if ack.epoch in ():",
        "tests/kiosk/test_delivery_words.py::test_yesterdays_server_is_not_believed",
    ),
    Fault(
        "an acknowledgement of another stream is taken for this one's",
        DELIVERY,
        "        if ack.stream != self._standing.stream:",
        "        if False:",
        "tests/kiosk/test_delivery_words.py::test_acknowledgements_of_another_stream_change_nothing",
    ),
    Fault(
        "missing ranges are not sent again",
        DELIVERY,
        "        lost = [flight for flight in self._flights if flight.overtaken_at is not None and self._due(flight) <= now]",
        "        lost: list[Flight] = []",
        "tests/kiosk/test_delivery.py::test_missing_rows_are_sent_again_once_they_can_no_longer_be_on_their_way",
    ),
    Fault(
        "after a fork another device's rows count as ours",
        DELIVERY,
        "        if (row := self._forked_at(ack, ours=ours)) is not None:",
        "        if (row := None) is not None:",
        "tests/kiosk/test_delivery_words.py::test_at_a_fork_a_new_stream_is_begun_and_nothing_that_is_said_of_the_former_is_believed",
    ),
    Fault(
        "the server's credit is ignored",
        DELIVERY,
        "        return min(WINDOW, self._credit)",
        "        return WINDOW",
        "tests/kiosk/test_delivery.py::test_the_servers_credit_narrows_the_window",
    ),
    Fault(
        "after a long outage today's ratings wait behind all the others",
        DELIVERY,
        "            self._newest_next\n",
        "            False\n",
        "tests/kiosk/test_delivery_backlog.py::test_behind_a_long_outage_the_newest_go_first_and_then_between_the_oldest",
    ),
    Fault(
        "a half-open socket goes on being believed",
        DELIVERY,
        "        if self._silences >= RESTART_AFTER:",
        "        if False:",
        "tests/kiosk/test_delivery.py::test_silence_again_and_again_makes_the_link_suspect",
    ),
    Fault(
        "a server that has lost rows without saying so is never believed",
        DELIVERY,
        "        poorer = self._unmoved >= UNMOVED and",
        "        poorer = False and",
        "tests/kiosk/test_delivery_words.py::test_a_server_that_keeps_saying_it_has_less_is_believed_in_the_end",
    ),
    Fault(
        "an epoch that is not on the card yet is forgotten at a power cut",
        DELIVERY,
        "        urgent = poorer or changed.epoch != known.epoch",
        "        urgent = False",
        "tests/kiosk/test_delivery_words.py::test_a_restored_server_gets_again_what_it_lost",
    ),
    Fault(
        "rows are sent at QoS 0",
        "kiosk/links/mqtt.py",
        "QOS: Final = 1",
        "QOS: Final = 0",
        "tests/kiosk/test_mqtt.py::test_the_broker_says_when_nobody_reads_what_was_sent",
    ),
    Fault(
        "a batch is signed over the ledger's head and not over its own",
        "kiosk/workers/upward.py",
        "head = excerpt.head if len(rows) == len(excerpt.rows) else chain.links(excerpt.previous, rows)[-1]",
        "head = excerpt.previous",
        "tests/kiosk/test_sync.py::test_on_each_connection_it_greets_and_sends_what_waits_signed_and_chained",
    ),
    Fault(
        "a configuration by another server is taken",
        "kiosk/workers/configuring.py",
        "    if not verifier.verifies(chain.config_statement(device, signed.document), signed.signature):",
        "    if False:",
        "tests/kiosk/test_configuring.py::test_a_configuration_for_another_device_or_by_another_server_is_refused",
    ),
    # --- its ways to the server ---
    Fault(
        "what HTTPS did not answer counts as delivered",
        "kiosk/links/https.py",
        "        return [Delivered(post.token, NOT_DELIVERED)]",
        "        return [Delivered(post.token, 0)]",
        "tests/kiosk/test_https.py::test_nobody_at_the_door_is_not_delivered",
    ),
    Fault(
        "over HTTPS a refusal is read as an answer",
        "kiosk/links/https.py",
        "        if status != 200:",
        "        if status >= 500:",
        "tests/kiosk/test_https.py::test_a_refusal_is_not_delivered_and_said_in_words_if_it_is_ours_to_mend",
    ),
    Fault(
        "over HTTPS the certificates of the system are trusted",
        "kiosk/links/https.py",
        "        context.load_verify_locations(self._ca)",
        "        context.load_verify_locations(self._ca)\n        context.load_default_certs()",
        "tests/kiosk/test_https.py::test_the_certificates_that_the_system_trusts_are_not_trusted",
    ),
    Fault(
        "a blocked broker is waited for ten minutes",
        "kiosk/core/ways.py",
        "PATIENCE: Final = 60_000",
        "PATIENCE: Final = 600_000",
        "tests/kiosk/test_promised_times.py::test_a_blocked_broker_is_left_for_https_within_three_minutes",
    ),
    Fault(
        "a device never comes back to MQTT",
        "kiosk/core/ways.py",
        "        if self._answered:\n            return Switch(Way.MQTT)\n",
        "",
        "tests/kiosk/test_ways.py::test_a_probe_that_is_answered_brings_it_back",
    ),
    Fault(
        "a fork is known and nothing is done about it",
        DELIVERY,
        "        if self.progress.forked_at is not None:\n            return Renew()\n",
        "        if self.progress.forked_at is not None:\n            return Wait(None)\n",
        "tests/kiosk/test_troubles.py::test_a_fork_is_answered_by_a_new_stream_that_carries_everything",
    ),
    Fault(
        "a server that has rows which were never written here is believed",
        DELIVERY,
        "        if max(ack.stored_through, ack.highest) >= self._standing.next:",
        "        if False:",
        "tests/kiosk/test_delivery_words.py::test_a_server_that_has_rows_which_were_never_written_here_has_them_of_another_device",
    ),
    Fault(
        "a row is stamped with the wall clock instead of the one that never jumps",
        "kiosk/clock.py",
        "monotonic = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000",
        "monotonic = time.time_ns() // 1_000_000",
        "tests/faults/test_clock.py::test_what_was_recorded_before_the_clock_was_set_is_dated_once_it_is",
    ),
    Fault(
        "a device never tells the server at once how to date it",
        SYNC,
        "            self._delivery.greet_again()",
        "            pass",
        "tests/kiosk/test_sync.py::test_a_device_greets_twice_so_that_the_server_can_date_it_whatever_its_clock_claims",
    ),
    Fault(
        "a link that owes an answer is never suspected",
        "kiosk/workers/line.py",
        "        return self._alive_at + ANSWER_PATIENCE if self._owed else None",
        "        return None",
        "tests/kiosk/test_lines.py::"
        "test_a_link_that_answers_nothing_is_built_afresh_within_ninety_seconds_however_little_there_is_to_say",
    ),
)
