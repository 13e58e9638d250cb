"""Every element that the pages look for, one file per view: its ways, best first, and how each is known.

Nothing else stands here, so that a first look at the live site has one place to mend for each view. Sources
name `chatgpt-web.md`, the collection of what is publicly known; nothing in it was checked on the live site.
"""
