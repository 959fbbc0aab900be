"""The world of a test: an ERP, a platform, a project made of YAML files, deaths and faults.

    from world.project import world

    def test_an_item_whose_answer_was_lost_is_sent_again(tmp_path: Path) -> None:
        with world(tmp_path) as it:
            it.put("item", ("W1", "A", "5"))
            it.platform.plan("after")  # the request takes effect, its answer is lost

            first, second = it.run("items"), it.run("items")

            assert (first["failed"], second["confirmed"]) == (1, 1)
            assert it.platform.items == {"W1": {"A": "5"}}

A small project, in this process:

* `project.py`     the project folder with its ERP, state and platform: runs, counts, what stands where
* `mappings/`      its YAML files, one an object
* `erp.py`         the tables of its ERP, and statements by hand
* `platform.py`    its platform in memory: what it holds, how it answers, what becomes of the next requests
* `faults.py`      what may become of a request
* `deaths.py`      the process dies after an effect of its own: fuse, seam, photographs of files
* `fatal/`         the same for a process of its own, by signal 9
* `equal.py`       what both sides have to hold, object by object
* `both_sides.py`  random lives of a world, and the calm runs that make both sides equal
* `histories.py`   one object through random histories without a wire

Other worlds:

* `merchant.py`    a whole merchant: the shipped mappings, the demo's ERP, the stand-in for ONe
* `shop.py`        a small project for one-sync as a process
* `commands.py`   one-sync as a process: run to its end, or started
* `wire.py`        an HTTP server on raw sockets that does what a script says, also break and lie
* `documents.py`   good project folders that tests make bad
* `samples.py`     a small project for tests of samples

* `listening.py`   a silent host, or a database that refuses every login
* `lines.py`       a log that keeps what it is told
* `effort.py`      how long the searching tests search
"""
