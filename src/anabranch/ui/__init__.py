"""A local page of the history of runs: what ran, what runs, two runs beside each other, every function with its versions.

::

    browser ──▶ gate (host, origin, token) ──▶ app (addresses) ──▶ views (what to say) ──▶ templates ──▶ HTML
                                                                     └──▶ anabranch.history.Store

| module | knows |
| --- | --- |
| `gate` | who may ask: whose browser, from which page |
| `app` | addresses, and what answers them |
| `runs`, `run`, `compared`, `nodes` | what each page says, as plain data |
| `replayed` | a stored run as the record that charts are drawn from |
| `server` | a socket on this machine, and nobody else's |

It only reads: there is no address that changes anything. Nothing is ever unpickled, and whatever comes from a store is escaped.
"""
