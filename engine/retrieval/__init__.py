"""Dense retrieval: query expansions distilled into the query encoder (SoftQE, arXiv 2402.12663), beside its rivals for
the same number of teacher queries (docs/retrieval.md).

    collection, data, ranking       queries and passages; from BEIR layout; scores of rankings
    lexical, feedback               BM25 and random rankings; expansions from BM25's own first passages
    language, world, world_teacher  the sandbox: a collection and its teacher
    asks, paid                      what the teacher is asked, and how it is paid
    encoder*, tuning*, scratch*     texts -> vectors; the query encoder tuned, passages frozen; an encoder from nothing
    search                          vectors -> rankings, exactly
    pilot*, latency*                a run from collection to result; what one search takes
    advice                          a result -> quality against price and latency; pages read this one

* with torch; pages must not reach them.
"""
