"""The embedded replica: a small ChatGPT-like site that forgets a session slowly, edge by edge.

It is a stand-in to practise on and to test the measuring against; it is met over HTTP alone. Routes,
labels, test ids and JSON follow what is publicly known of ChatGPT's web site. Run it with
`python -m replica`; what it is told and what it tells is said by `python -m replica --help`.
"""
