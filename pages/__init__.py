"""What a person sees: thin, typed page objects. They show and act; they never assert and never measure."""
