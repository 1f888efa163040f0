"""The screen: one folder a section; nothing else lies directly here (Streamlit would run it as a page)."""
